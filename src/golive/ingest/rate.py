"""How much one key may send: a token bucket of bytes."""

import math
from dataclasses import dataclass, field

MEGABYTE = 1 << 20
DEFAULT_MEGABYTES_PER_SECOND = 50.0
BURST_SECONDS = 10.0


@dataclass
class _Bucket:
    tokens: float
    filled_at: float


@dataclass
class Rate:
    """Bytes per second and key. A request may overdraw the bucket; then the key waits until it is filled again."""

    bytes_per_second: float = DEFAULT_MEGABYTES_PER_SECOND * MEGABYTE
    burst_seconds: float = BURST_SECONDS
    _buckets: dict[str, _Bucket] = field(default_factory=dict)

    def wait_seconds(self, key: str, now: float) -> int:
        """0 when the key may send now, else whole seconds until it may. `now` is monotonic."""
        bucket = self._fill(key, now)
        return 0 if bucket.tokens > 0 else math.ceil((1 - bucket.tokens) / self.bytes_per_second)

    def spend(self, key: str, size: int, now: float) -> None:
        """Count a request that was read."""
        self._fill(key, now).tokens -= size

    def _fill(self, key: str, now: float) -> _Bucket:
        full = self.bytes_per_second * self.burst_seconds
        bucket = self._buckets.setdefault(key, _Bucket(full, now))
        bucket.tokens = min(full, bucket.tokens + (now - bucket.filled_at) * self.bytes_per_second)
        bucket.filled_at = now
        return bucket
