"""Alerts of other tools: decoded by their format, turned into flips by one state machine."""
