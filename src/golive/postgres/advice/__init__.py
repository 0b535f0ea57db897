"""Index and query advice: candidates from the workload, priced, chosen, and proved on a clone before it is given."""
