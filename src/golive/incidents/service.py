"""The pager's loop for incidents: flips in, pages out."""

import logging
import threading

from django.db import Error, close_old_connections
from django.utils import timezone

from golive.incidents import intake, mail, paging

POLL_SECONDS = 0.5  # half of it is the mean delay that this adds between a verdict and its page
log = logging.getLogger(__name__)


def beat() -> None:
    """One round: handle flips, page who is due, note what was delivered."""
    intake.take_flips(timezone.now())
    paging.page_due(timezone.now())
    paging.note_delivery()


def serve(stop: threading.Event) -> None:
    """Beat until `stop` is set; a database that is away is waited for."""
    mail.prepare()
    while not stop.is_set():
        try:
            close_old_connections()
            beat()
        except Error as error:
            log.warning("incidents cannot be handled now: %s", error)
        except Exception:
            log.exception("a round of incidents broke; going on")
        stop.wait(POLL_SECONDS)
