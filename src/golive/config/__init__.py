"""The reader of golive.toml and the registry of its sections."""
