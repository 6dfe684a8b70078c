"""Ways of running an add-on on this machine: in namespaces, or as plain processes."""
