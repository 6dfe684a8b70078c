"""Ways of running an app on this machine: in namespaces, or as plain processes."""
