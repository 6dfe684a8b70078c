"""What may move the robot and for how long, the stops, and the queue of commands to the link."""
