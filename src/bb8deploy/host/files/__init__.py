"""The app folder on the host, over ssh or as a mounted folder."""
