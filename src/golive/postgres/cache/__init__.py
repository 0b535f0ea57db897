"""Would a cache pay? Only measurements say so."""
