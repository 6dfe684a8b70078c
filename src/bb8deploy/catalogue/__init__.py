"""What bb8deploy can say: one table of rules, from which findings, pages and documents are made."""
