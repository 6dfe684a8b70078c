"""Commands as they come in, what they ask for, and how each is acknowledged."""
