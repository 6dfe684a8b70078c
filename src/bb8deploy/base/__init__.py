"""What every other package may use: errors, findings, secrets, files, processes."""
