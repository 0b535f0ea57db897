"""The chat widget in a real browser, in a page of another origin with a strict policy of its own."""

import json
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from golive.sandbox.servers import free_port
from tests.notify.place import Place

from .test_ways_in import identity

pytestmark = [pytest.mark.browser]

PREPARE = """
from golive.people.models import Project, Role, User
from golive.support.models import Inbox
User.objects.create_person("ada@acme.example", "correct horse battery", Role.RESPONDER)
project = Project.objects.create(slug="acme", name="Acme", url="{shop}")
Inbox.objects.create(project=project, chat_plans=["pro"], chat_secret="file:{secret}")
"""
WEB = """
import uvicorn
uvicorn.run("golive.asgi:application", port={port}, log_level="error")
"""
ANSWER = """
from django.utils import timezone
from golive.support import desk
from golive.support.models import Conversation
found = Conversation.objects.select_related("project").get()
print(json.dumps([one.text for one in found.said.all()]))
desk.reply(found, "It is on its way.", "ada@acme.example", timezone.now())
"""


class Shop(BaseHTTPRequestHandler):
    """A page of the customer's own, which embeds the widget."""

    console = ""

    def do_GET(self) -> None:
        who = identity("free" if self.path == "/free" else "pro")
        self.send_response(200)
        policy = f"default-src 'none'; script-src {self.console}; connect-src {self.console}"
        self.send_header("Content-Security-Policy", policy)
        self.end_headers()
        page = (
            f'<!doctype html><title>Shop</title><p>Welcome</p><script src="{self.console}/static/support/chat.js" '
            f'data-project="acme" data-payload="{who["payload"]}" data-signature="{who["signature"]}" defer></script>'
        )
        self.wfile.write(page.encode())

    def log_message(self, format: str, *args: object) -> None:
        """Quietly."""


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


@pytest.fixture
def shop(place: Place, tmp_path: Path) -> Iterator[str]:
    port = free_port()
    secret = tmp_path / "chat"
    secret.write_text("chat secret")
    Shop.console = f"http://127.0.0.1:{port}"
    with ThreadingHTTPServer(("127.0.0.1", 0), Shop) as server:
        url = f"http://127.0.0.1:{server.server_port}"
        place.run(PREPARE.format(shop=url, secret=secret))
        web = place.start(WEB.format(port=port))
        threading.Thread(target=server.serve_forever, daemon=True).start()
        while web.poll() is None:
            try:
                urllib.request.urlopen(f"{Shop.console}/support/acme/")
                break
            except urllib.error.URLError:
                time.sleep(0.2)
        yield url
        web.kill()
        web.wait()
        server.shutdown()


def test_a_customer_chats_and_hears_the_answer(shop: str, place: Place, browser: Browser) -> None:
    page = browser.new_page(viewport={"width": 360, "height": 740})
    page.set_default_timeout(90_000)
    page.goto(shop)
    page.get_by_role("button", name="Chat with us").click()
    page.get_by_label("Your message").fill("Where is my <b>bill</b>?")
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_text("Where is my <b>bill</b>?")).to_be_visible(timeout=90_000)
    heard = place.run(ANSWER)
    assert heard == ["Where is my <b>bill</b>?"], json.dumps(heard)
    expect(page.get_by_text("It is on its way.")).to_be_visible(timeout=90_000)

    page.goto(f"{shop}/free")
    page.get_by_role("button", name="Chat with us").click()
    expect(page.get_by_role("alert")).to_contain_text("another plan", timeout=90_000)
    page.close()
