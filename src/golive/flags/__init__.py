"""Feature flags: who gets which variant, changed in a moment, and switched off by themselves when they do harm."""
