"""Lane 1's rules, one module for each subject; each yields findings for the same facts."""
