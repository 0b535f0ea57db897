"""How golive's own requests are known from customers': a trace id that begins so, and a signature in the baggage."""

from golive.kit.folders import kept_secret


def marker() -> str:
    """12 hex digits with which the trace ids of golive's own requests begin; ingest knows them by it."""
    return kept_secret("synthetic-marker")[:12]


def key() -> str:
    """What signs `baggage: synthetic=…`. Applications are given it, so that they believe nobody else."""
    return kept_secret("synthetic-key")[:32]
