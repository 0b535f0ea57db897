"""Closed history moved to Parquet: verified before it is deleted, still queryable, restorable."""
