"""Old rows moved to Parquet under writes: locks, latencies, nothing lost or doubled, kills, disk."""
