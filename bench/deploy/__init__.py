"""Deploys under load."""
