"""Incidents: one state machine from detection to resolution."""
