"""A queue of work that runs in subprocesses: claimed by compare-and-swap, resumed after kill -9."""
