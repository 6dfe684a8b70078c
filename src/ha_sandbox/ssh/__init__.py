"""The SSH app of the host: its server, its login and its `ha` command."""
