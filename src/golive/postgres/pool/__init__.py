"""PgBouncer: configured, run and watched."""
