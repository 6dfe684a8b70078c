"""The version of bb8deploy, and nothing else: importing it costs nothing."""

__version__ = "2026.11.23.0"
