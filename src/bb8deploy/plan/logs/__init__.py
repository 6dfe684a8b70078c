"""Reads logs of an app and of its build: identity, crash, failed step, new lines; pure."""
