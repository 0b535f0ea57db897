"""Pipelines: from a git push to production through eight stages, and what each run tells."""
