"""A team's own PostgreSQL: looked at, pooled, replicated, backed up, advised. One folder a topic; see `topics.py`."""
