"""Releases and where they run: build, deploy, switch, roll back, previews, variables. Callers use `door`."""
