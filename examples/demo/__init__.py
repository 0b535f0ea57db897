"""The demo: a real SaaS under real traffic, watched by golive, killed and brought back."""
