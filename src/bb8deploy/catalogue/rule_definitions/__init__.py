"""The rules of validate: what each checks, why, and what to do."""
