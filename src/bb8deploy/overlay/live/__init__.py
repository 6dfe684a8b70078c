"""The overlay of `bb8deploy dev`: what a saved file needs, and the files that bring it into a container."""
