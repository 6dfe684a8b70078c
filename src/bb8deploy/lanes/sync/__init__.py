"""Copies the app to the host and hashes it there again (lane 2)."""
