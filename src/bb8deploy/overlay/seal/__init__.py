"""Proof for an app that is not changed: the builder hashes what it was given, and a launcher reports it."""
