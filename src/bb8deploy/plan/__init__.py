"""Pure plans: facts in, steps out."""
