"""What changed and when: deploys, flag and configuration changes, incident bands."""
