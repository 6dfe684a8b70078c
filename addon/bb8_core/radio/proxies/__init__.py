"""ESPHome Bluetooth proxies: the connection to a node, and the robot through it."""
