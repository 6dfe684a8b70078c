"""The workspace: the app's tree, git, versions, private files."""
