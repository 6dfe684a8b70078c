"""Looks at everything that a deploy needs, changes nothing, and says for each thing what to do."""
