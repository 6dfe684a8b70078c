"""What a run leaves behind: tokens, contracts, the report."""
