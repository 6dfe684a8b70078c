"""Checks everything that a deploy needs, changes nothing, and gives a remedy for each problem."""
