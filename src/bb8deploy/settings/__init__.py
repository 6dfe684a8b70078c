"""Settings of a target: the table of keys, the typed model, and the loader."""
