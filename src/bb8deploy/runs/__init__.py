"""One run and what it records: journal, tokens, contracts, evidence."""
