"""What the pager runs for this room."""

from golive.incidents.service import serve
from golive.kit.periodic import Service

SERVICES = [Service("incidents", serve)]
