"""Real failures, seen by three probes in network namespaces of their own: what golive says, to whom, and when."""
