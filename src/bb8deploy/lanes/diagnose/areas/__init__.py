"""One module per area that `diagnose` examines."""
