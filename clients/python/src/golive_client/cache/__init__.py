"""A cache that behaves under load: one computes, the others wait or get the old value; counters that lose nothing.

    cache = Cache(redis.Redis.from_url(url), prefix="acme:")
    flags = cache.get_or_compute("flags:7", lambda: load_flags(7), ttl=60, tags=["customer:7"])
    cache.invalidate(tag="customer:7")

    usage = Counters(redis.Redis.from_url(url), prefix="acme:usage:")
    usage.add("customer:7", 1)                       # in every request
    usage.flush("worker-1", write_to_the_database)   # every few seconds, in one place or several

`golive db cache` says from measurements whether a cache would pay at all; without such a reason do not use one.
"""

from golive_client.cache.counters import Counters, postgres_sink
from golive_client.cache.store import Cache

__all__ = ["Cache", "Counters", "postgres_sink"]
