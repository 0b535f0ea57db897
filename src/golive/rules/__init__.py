"""Conditions over telemetry, and the cookbook's six defaults."""
