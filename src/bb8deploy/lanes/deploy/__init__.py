"""Deploys the app to one or several hosts, and rolls it back."""
