"""What stands in the workspace: the add-on's tree, git, versions."""
