"""Lane 1: finds what would fail in the Supervisor, the builder or the container, before the app is copied."""
