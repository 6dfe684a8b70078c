"""Brings one host to a state that another tool asks for: present, latest or absent."""
