"""Runs all lanes for a new version, and resumes an interrupted run."""
