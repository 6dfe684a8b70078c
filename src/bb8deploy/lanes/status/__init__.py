"""Compares workspace, host, running app and publication."""
