"""The error codes of git, publish and release."""
