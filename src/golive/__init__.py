"""golive: ship, watch, respond, scale, and prove it is ready."""

__version__ = "0.1.0"
