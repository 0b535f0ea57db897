"""The page frame: navigation, theme, charts, home, search."""
