"""Security and launch checklists, proved by machine: pass, fail or unknown, with evidence."""
