"""Faults that can be switched on from outside, for demonstrations and tests: only with ACME_FAULTS=1."""
