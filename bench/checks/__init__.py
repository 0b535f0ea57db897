"""How much a probe costs, and how well it keeps its time."""
