"""Index advice measured: TPC-H by the planner's estimates, and acme's own schema by estimates and by the clock."""
