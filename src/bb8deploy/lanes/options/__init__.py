"""`bb8deploy options`: an installed app's options and settings."""
