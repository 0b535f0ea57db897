"""Spans, traces and the service page."""
