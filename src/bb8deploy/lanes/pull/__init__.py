"""`bb8deploy pull`: edits that were made on the host, taken into the workspace."""
