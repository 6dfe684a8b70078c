"""The robot's v1 protocol as pure data: commands, frames, answers, events and gestures."""
