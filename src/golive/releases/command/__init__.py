"""The command target: the user's own argv templates push, start, switch and stop a release, here or by ssh."""
