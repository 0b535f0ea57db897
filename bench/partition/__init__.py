"""A live table made partitioned under writes: locks, latencies, equality, kills."""
