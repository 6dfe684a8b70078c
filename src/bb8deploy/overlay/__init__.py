"""Generated files that a delivery adds to the app's tree on the host, and that are never published."""
