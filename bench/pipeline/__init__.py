"""acme through its pipeline by `git push`, cold, warm and unchanged."""
