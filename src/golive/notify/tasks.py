"""What the pager runs for this room."""

from golive.kit.periodic import Service
from golive.notify.delivery import serve

SERVICES = [Service("notify", serve)]
