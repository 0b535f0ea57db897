"""What golive does with a database, on each major version of PostgreSQL that can be had."""
