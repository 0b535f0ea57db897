"""Journeys: pytest tests that prove what a customer does, as end-to-end test, smoke test and monitor alike."""

from golive_client.journeys.mark import journey
from golive_client.journeys.steps import step

__all__ = ["journey", "step"]
