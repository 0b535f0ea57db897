"""What `golive check` asks of acme's operators: programs that make accounts and count effects on a preview."""
