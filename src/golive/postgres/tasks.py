"""What all topics do again and again; importing their `tasks.py` registers their job kinds too."""

from golive.kit.periodic import Periodic, Service
from golive.postgres import topics

PERIODIC: list[Periodic] = []
SERVICES: list[Service] = []

for _, _module in topics.modules("tasks"):
    PERIODIC += getattr(_module, "PERIODIC", [])
    SERVICES += getattr(_module, "SERVICES", [])
