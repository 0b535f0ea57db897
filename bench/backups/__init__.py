"""Backups in a bucket, drilled against the truth."""
