"""Driving by hand: who drives, for how long a held stick moves the robot, and what the robot's path was."""
