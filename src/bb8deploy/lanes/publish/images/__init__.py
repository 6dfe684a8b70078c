"""Container images: building and pushing them, and reading them back from the registry."""
