"""The BB-8 bridge for Home Assistant: the robot's protocol, its Bluetooth link, MQTT and a status page."""
