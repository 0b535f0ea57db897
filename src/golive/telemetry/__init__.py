"""The telemetry store: engine, schema, spool, loader and the one client path to it."""
