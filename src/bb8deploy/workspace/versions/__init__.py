"""Versions of an app: how they count, where they are written, and the changelog."""
