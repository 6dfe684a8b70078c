"""The overlay of the dev loop: what a saved file needs, and the files that bring it into a container."""
