"""The project's smoke checks against the running app, after deploy, dev and release, or by themselves."""
