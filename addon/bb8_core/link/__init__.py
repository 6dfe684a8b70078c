"""The Bluetooth link to the robot: radio, handshake, and the one owner of the connection."""
