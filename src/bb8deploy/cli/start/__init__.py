"""Commands to begin with: init, demo, sandbox."""
