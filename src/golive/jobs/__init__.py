"""A queue and a schedule for work that runs in subprocesses."""
