"""Unhandled errors: logged and reported inside the request's span, so that all three share its trace."""

import logging

import sentry_sdk
from sentry_sdk.utils import event_from_exception

logger = logging.getLogger(__name__)


def report(error: BaseException, route: str) -> None:
    """Log an unhandled error with its stack, and hand it to Sentry as unhandled.

    Sentry's own middleware sees the error later, outside of the span; it recognises the error and stays silent.
    """
    logger.error("unhandled error on %s: %s", route, error, exc_info=error)
    client = sentry_sdk.get_client()
    if client.is_active():
        event, hint = event_from_exception(
            error, client_options=client.options, mechanism={"type": "acme", "handled": False}
        )
        sentry_sdk.capture_event(event, hint=hint)
