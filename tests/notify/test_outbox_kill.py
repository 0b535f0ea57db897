"""The sender is killed after the receiver accepted and before we record it: repeated with the same identity."""

import os
import signal
import threading
from collections.abc import Iterator
from email import message_from_bytes
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller

from golive.sandbox.servers import free_port
from tests.notify.place import Place

ENQUEUE = """
from golive.people.models import Project
from golive.notify.models import Channels, Urgency
from golive.notify.outbox import Content
from golive.notify.route import to_person
project = Project.objects.create(slug="acme", name="acme")
Channels.objects.create(project=project, email="smtp://127.0.0.1:{port}", sender="golive@acme.example")
for number in range({count}):
    content = Content(f"page {{number}}", "down")
    to_person(project, "ada@acme.example", content, key=f"p{{number}}", urgency=Urgency.HIGH)
"""
SEND = """
from golive.notify.delivery import serve
serve(threading.Event())
"""
LOOK = """
from golive.notify.models import OutboxMessage
print(json.dumps([[m.state, m.message_id, [a.outcome for a in m.attempts.all()]]
                  for m in OutboxMessage.objects.order_by("id")]))
"""


class Killer:
    """Accepts mail; while armed, kills the sender once it holds the content and before it answers."""

    def __init__(self) -> None:
        self.ids: list[str] = []
        self.victim: int | None = None
        self.struck = threading.Event()

    async def handle_DATA(self, server, session, envelope) -> str:
        self.ids.append(message_from_bytes(envelope.content)["Message-ID"])
        if self.victim is not None:
            os.kill(self.victim, signal.SIGKILL)
            self.victim = None
            self.struck.set()
        return "250 OK"


@pytest.fixture
def server() -> Iterator[Controller]:
    controller = Controller(Killer(), hostname="127.0.0.1", port=free_port())
    controller.start()
    yield controller
    controller.stop()


def test_killed_between_acceptance_and_record(tmp_path: Path, server: Controller) -> None:
    killer = server.handler
    place = Place(tmp_path)
    place.run(ENQUEUE.format(port=server.port, count=1))
    victim = place.start("import time\nprint(os.getpid(), flush=True)\ntime.sleep(0.3)\n" + SEND)
    killer.victim = int(victim.stdout.readline())
    assert killer.struck.wait(30)
    assert victim.wait(10) == -signal.SIGKILL
    assert place.run(LOOK)[0][0] == "claimed"

    second = place.start(SEND)
    try:
        for _ in range(300):
            state, message_id, attempts = place.run(LOOK)[0]
            if state == "sent":
                break
    finally:
        second.kill()
        second.wait()
    assert (state, attempts) == ("sent", ["lost", "sent"])
    assert killer.ids == [message_id, message_id]


def test_two_senders_send_each_message_once(tmp_path: Path, server: Controller) -> None:
    place = Place(tmp_path)
    place.run(ENQUEUE.format(port=server.port, count=20))
    senders = [place.start(SEND) for _ in range(2)]
    try:
        while any(state != "sent" for state, *_ in place.run(LOOK)):
            assert all(sender.poll() is None for sender in senders)
    finally:
        for sender in senders:
            sender.kill()
            sender.wait()
    assert len(server.handler.ids) == len(set(server.handler.ids)) == 20
