"""acme: a task tracker for small teams."""

__version__ = "1.0.0"
