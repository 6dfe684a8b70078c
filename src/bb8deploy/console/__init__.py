"""The only package that prints: results, messages, and the moving line of a terminal."""
