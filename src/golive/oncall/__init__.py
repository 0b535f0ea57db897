"""Who is on call, and how a page escalates."""
