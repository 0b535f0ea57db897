"""`[alerts]` of golive.toml."""

from golive.config.sections import Section, register
from golive.rules.configure import apply, differences
from golive.rules.settings import AlertsSection

register(Section("alerts", AlertsSection, differences, apply))
