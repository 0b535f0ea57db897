"""Taking money: a small client of the provider's API, its webhooks, and what they mean for an account."""
