"""Builds images from Dockerfiles without Docker."""
