"""Flips: recorded transitions of a condition, with their reasons."""
