"""Signups, active users, revenue and API usage."""
