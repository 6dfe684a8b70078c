"""What is on the Home Assistant host: files, Supervisor, lock."""
