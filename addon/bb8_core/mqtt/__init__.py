"""The MQTT side: the broker connection, topics, credentials and Home Assistant discovery."""
