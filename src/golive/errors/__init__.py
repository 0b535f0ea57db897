"""Error events and their groups."""
