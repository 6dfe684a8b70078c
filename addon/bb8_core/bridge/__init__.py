"""Carries out requests and publishes what is known about the robot."""
