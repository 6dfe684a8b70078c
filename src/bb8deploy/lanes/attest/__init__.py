"""Measures the echo of the running app over MQTT."""
