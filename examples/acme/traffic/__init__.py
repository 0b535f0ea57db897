"""Traffic of people who use acme."""
