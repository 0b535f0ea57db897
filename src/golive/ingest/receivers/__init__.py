"""Wire formats, one module each with a RECEIVER; the application finds them by themselves."""
