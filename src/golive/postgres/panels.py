"""What the topics put on the home page; importing registers it."""

from golive.postgres import topics

PANELS = [module for _, module in topics.modules("panels")]
