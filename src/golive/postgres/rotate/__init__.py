"""Credentials changed without a failed query."""
