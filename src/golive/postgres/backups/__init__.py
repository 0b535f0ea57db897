"""Backups, and drills that prove them."""
