"""Channels and the durable outbox."""
