"""The host's Supervisor behind one Protocol, whichever route reaches it."""
