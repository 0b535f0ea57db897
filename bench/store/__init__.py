"""The store process next to its own engine in the same run: latency of a query, rate of inserts, as ratios."""
