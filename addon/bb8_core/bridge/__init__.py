"""From wishes to motion: what may be sent, in which order, until when, and what is known about it."""
