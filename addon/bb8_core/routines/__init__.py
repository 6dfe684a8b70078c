"""What the robot does on its own for a while: messages, the way back to the start, scenes."""
