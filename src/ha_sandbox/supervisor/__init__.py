"""A Supervisor that answers as the real one does, for the folder of an embedded host."""
