"""The ingress page: what the robot is doing, and two buttons that stop it."""
