"""Checks the app and runs its tests (lane 1)."""
