"""Lane 1: what the Supervisor, the builder and the user would say of an add-on, said before the copy."""
