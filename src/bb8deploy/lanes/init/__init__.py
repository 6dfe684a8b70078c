"""Asks for the settings, checks each answer and writes the settings file."""
