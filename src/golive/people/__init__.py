"""People, roles, projects, keys, tokens, secrets and the audit trail."""
