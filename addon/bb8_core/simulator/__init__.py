"""A BB-8 made of software: byte-exact on the air, with a body, a battery, sleep and faults on demand.

Nothing here uses `bb8_core.robot`: commands are parsed and answers built a second time, from the same
public facts, so that a mistake in the one is not hidden by the same mistake in the other.
"""
