"""Runs a release against an embedded host, for people to watch."""
