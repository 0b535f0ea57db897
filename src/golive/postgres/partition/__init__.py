"""Live tables made partitioned online, partitions made ahead and retired by policy."""
