"""Checks everything that a deploy needs, changes nothing, and names a remedy for each problem."""
