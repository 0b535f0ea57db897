"""What the database runs out of first, and what to do in which order."""
