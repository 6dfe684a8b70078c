"""Releases every app of a store that changed, in one commit with one tag for each."""
