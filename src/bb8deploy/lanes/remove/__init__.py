"""`bb8deploy remove`: looks at everything of an app on a host, then removes it."""
