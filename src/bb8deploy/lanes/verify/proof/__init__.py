"""How it is verified what runs: the level of proof, the identity, the files on the host."""
