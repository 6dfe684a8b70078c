"""Writes a new app: its files from a template, in a new store or in the store at hand."""
