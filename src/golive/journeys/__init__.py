"""Journeys: the user's own pytest tests, run against a site as end-to-end test, smoke test, proof or monitor."""

from golive.journeys.results import Outcome, Result, Results
from golive.journeys.runner import run

__all__ = ["Outcome", "Result", "Results", "run"]
