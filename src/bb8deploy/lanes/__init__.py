"""The four lanes and the commands that compose them; only here are tokens emitted."""
