"""The MQTT broker of the host."""
