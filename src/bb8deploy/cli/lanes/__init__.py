"""Commands that run a single lane."""
