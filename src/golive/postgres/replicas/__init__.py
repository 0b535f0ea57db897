"""Read replicas: made, watched, and what they could take over."""
