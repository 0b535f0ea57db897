"""The weekly review on a real server: two weeks of pgbench's load, a deploy that makes something slower, the mail."""
