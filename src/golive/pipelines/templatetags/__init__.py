"""Filters of the pipelines' pages."""
