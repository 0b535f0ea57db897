"""`golive up`: starts the five processes, watches them, restarts what dies, stops all in order. No Django here."""
