"""The sender: takes what is due from the outbox and hands it to the channels, several at once."""

import logging
import threading
from concurrent.futures import Future, ThreadPoolExecutor

from django.db import Error, close_old_connections, connection
from django.utils import timezone

from golive.notify import outbox, wake
from golive.notify.channels import DeliveryError, channel
from golive.notify.models import Attempt, Channels

POLL_SECONDS = 0.5  # messages of this process ring; this is for those of the web process and the command line
AT_ONCE = 8
log = logging.getLogger(__name__)


def serve(stop: threading.Event) -> None:
    """Send until `stop` is set. Any number of these may run, in any number of processes."""
    worker = outbox.worker_name()
    running: set[Future[None]] = set()
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="notify") as pool:
        _release_dead()
        while not stop.is_set():
            running = {future for future in running if not future.done()}
            attempts = _take(worker, AT_ONCE - len(running))
            running.update(pool.submit(_deliver, attempt) for attempt in attempts)
            if not attempts:
                wake.wait(POLL_SECONDS)


def deliver_due() -> int:
    """Send all that is due now, one after another, in this thread: for tests and the command line."""
    worker, count = outbox.worker_name(), 0
    while messages := outbox.due(timezone.now(), 50):
        for message in messages:
            if attempt := outbox.claim(message, worker, timezone.now()):
                deliver(attempt)
                count += 1
    return count


def deliver(attempt: Attempt) -> None:
    """Hand one claimed message to its channel and record how it ended."""
    message = attempt.message
    try:
        settings = Channels.objects.filter(project=message.project_id).first() or Channels(project=message.project)
        channel(message.channel).send(message, settings)
    except DeliveryError as error:
        _after_failure(attempt, error)
    except Exception as error:  # a channel's own mistake must not lose the message
        log.exception("channel %s broke on message %s", message.channel, message.pk)
        _after_failure(attempt, DeliveryError(f"{type(error).__name__}: {error}"))
    else:
        outbox.succeeded(attempt, timezone.now())
        log.info("sent %s to %s by %s: %s", message.key, message.recipient, message.channel, message.subject)


def _after_failure(attempt: Attempt, error: DeliveryError) -> None:
    retry = outbox.failed(attempt, error, timezone.now())
    log.warning("%s was not delivered (try %d, %s): %s", attempt.message.key, attempt.number, retry.reason, error)


def _deliver(attempt: Attempt) -> None:
    close_old_connections()
    try:
        deliver(attempt)
    except Error:
        log.exception("the outcome of %s could not be recorded; its lease will run out", attempt.message_id)
    finally:
        connection.close()
        wake.wake()


def _take(worker: str, free: int) -> list[Attempt]:
    """Claim up to `free` messages; none while the database is away."""
    try:
        close_old_connections()
        now = timezone.now()
        found = outbox.due(now, free) if free > 0 else []
        return [attempt for message in found if (attempt := outbox.claim(message, worker, now))]
    except Error as error:
        log.warning("the outbox cannot be read: %s", error)
        return []


def _release_dead() -> None:
    try:
        if freed := outbox.release_dead(timezone.now()):
            log.info("%d messages were being sent when a sender died: sending them again", freed)
    except Error as error:
        log.warning("the outbox cannot be read: %s", error)
