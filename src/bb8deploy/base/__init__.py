"""What every other room may use: errors, findings, secrets, files, processes."""
