"""What the Supervisor stores about the host: settings, backups, mounts, and what apps have registered."""
