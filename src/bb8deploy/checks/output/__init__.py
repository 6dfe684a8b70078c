"""Findings and the schema in the formats that people and programs read."""
