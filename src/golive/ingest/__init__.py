"""Receivers for telemetry: OTLP and Sentry."""
