"""What acme tells about itself, with the standard OpenTelemetry and Sentry packages and nothing else."""
