"""The ingress page: the place to see, drive and stop the robot."""
