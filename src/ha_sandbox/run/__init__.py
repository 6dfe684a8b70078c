"""Runs a command against an app that runs in a sandbox."""
