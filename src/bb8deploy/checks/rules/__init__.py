"""Lane 1's rules, one module for each subject; each gives findings for the same facts."""
