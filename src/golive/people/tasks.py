"""Work of this room that repeats."""

from datetime import timedelta

from golive.kit.periodic import Periodic
from golive.people import keys

PERIODIC = [Periodic("publish ingest keys", timedelta(seconds=30), keys.publish)]
