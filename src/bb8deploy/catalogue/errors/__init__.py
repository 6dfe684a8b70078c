"""The error codes by area; a raise imports the code that it needs from the module of its area."""
