"""Clock, durations, data folder, periodic work, safe outbound HTTP. Knows nothing of Django."""
