"""Routes about everything but apps and the store: plugins, settings, host, backups, mounts, discovery."""
