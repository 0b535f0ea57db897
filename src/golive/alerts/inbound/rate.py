"""How often an integration may send: a bucket of requests for each, in the web process."""

import math
from dataclasses import dataclass, field

PER_SECOND = 20.0
BURST = 200.0


@dataclass
class Rate:
    """Requests per second and integration. Instants are monotonic seconds."""

    per_second: float = PER_SECOND
    burst: float = BURST
    _buckets: dict[int, tuple[float, float]] = field(default_factory=dict)

    def wait_seconds(self, who: int, now: float) -> int:
        """0 when a request may be taken, which is then counted; else whole seconds until one may."""
        left, at = self._buckets.get(who, (self.burst, now))
        left = min(self.burst, left + (now - at) * self.per_second)
        taken = left >= 1
        self._buckets[who] = (left - 1 if taken else left, now)
        return 0 if taken else max(1, math.ceil((1 - left) / self.per_second))
