"""OTLP log records per CPU-second through the whole path, next to the engine's own limit measured in the same run."""
