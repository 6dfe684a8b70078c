"""The dev loop: a saved file is checked, delivered, brought into effect and proven within a second."""
