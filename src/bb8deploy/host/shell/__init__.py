"""The shell programs that run on the host, and their answers."""
