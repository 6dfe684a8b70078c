"""Publishes the verified tree, its tag and its images (lane 4)."""
