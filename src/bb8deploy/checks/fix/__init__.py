"""Changes to an app that need no decision, each proven before it is written."""
