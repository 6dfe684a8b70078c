"""Commands for a running host: status, logs, diagnose, report."""
