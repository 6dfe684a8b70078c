"""The connection to the robot: when it is opened and closed, its handshake, and what goes over it."""
