"""Probes and their verdicts."""
