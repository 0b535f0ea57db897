"""golive's own role on somebody's database: the script that makes it, and what the server lacks."""
