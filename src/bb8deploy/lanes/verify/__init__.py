"""Installs or updates the app and verifies what runs (lane 3)."""
