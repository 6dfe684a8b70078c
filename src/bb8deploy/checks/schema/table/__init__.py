"""What a config file may contain: every field, its kind of value, and the closed word lists."""
