"""Two whole installs that watch each other: either one is killed, the other pages."""
