"""The host's Supervisor behind one Protocol, whichever way it is reached."""
