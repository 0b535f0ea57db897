"""What the database does now and what is wrong with it, judged with reasons."""
