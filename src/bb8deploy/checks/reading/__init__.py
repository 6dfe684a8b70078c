"""Reads an app folder once: files, links, YAML, JSON and Dockerfiles."""
