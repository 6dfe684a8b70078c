"""The evidence of a run: records, checks and signatures of its files."""
