"""Rows of a gigabyte and more against every command that touches rows."""
