"""The console as an app in real Chromium: it can be installed, subscribes to push, and "page me now" arrives there.

No push service of a browser's maker can be reached from a closed network. A local one speaks RFC 8030's side of it;
what it is handed is opened by http_ece (RFC 8188 and 8291, by their author) and given to the service worker by
Chromium's own debugging protocol, as its push client would.
"""

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import http_ece
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from playwright.sync_api import Browser, expect

from golive.sandbox.servers import free_port
from tests.incidents.test_browser import EMAIL, PASSWORD, PREPARE, serving
from tests.notify.place import Place
from tests.receiver import Got, Receiver, receiving

SEND = "from golive.notify import delivery\nprint(delivery.deliver_due())"
LOOK = """
from golive.notify.models import OutboxMessage
print(json.dumps(dict(OutboxMessage.objects.values_list("channel", "state"))))
"""
SUBSCRIBES = """
PushManager.prototype.subscribe = async function (options) {
  sessionStorage.askedKey = btoa(String.fromCharCode(...new Uint8Array(options.applicationServerKey)));
  return {toJSON: () => (SUBSCRIPTION)};
};
"""
SHOWN = """
navigator.serviceWorker.ready.then((worker) => worker.getNotifications()).then((all) => all.map(
  (one) => ({title: one.title, body: one.body, tag: one.tag, url: one.data.url, stays: one.requireInteraction})))
"""


@pytest.fixture
def service() -> Iterator[Receiver]:
    """Takes messages as RFC 8030 says, refuses what lacks a header that it asks for."""

    def respond(got: Got) -> tuple[int, bytes]:
        coded, lives = got.headers.get("content-encoding") == "aes128gcm", got.headers.get("ttl", "").isdigit()
        return (201 if coded and lives and len(got.body) <= 4096 else 400), b""

    with receiving(respond) as receiver:
        yield receiver


@pytest.mark.browser
def test_installed_subscribed_and_paged(
    browser: Browser, service: Receiver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOLIVE_ALLOW_PRIVATE", "127.0.0.0/8")
    place, private, secret = Place(tmp_path), ec.generate_private_key(ec.SECP256R1()), b"sixteen bytes ok"
    place.run(PREPARE)
    public = private.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    keys = {"p256dh": encoded(public), "auth": encoded(secret)}
    subscription = json.dumps({"endpoint": f"{service.url}/push/ada", "expirationTime": None, "keys": keys})
    with serving(place, free_port()) as url:
        context = browser.new_context(viewport={"width": 360, "height": 740}, has_touch=True)
        context.set_default_timeout(180_000)
        context.grant_permissions(["notifications"], origin=url)
        context.add_init_script(SUBSCRIBES.replace("SUBSCRIPTION", subscription))
        page = context.new_page()
        page.goto(f"{url}/accounts/login/?next=/account/reach/")
        page.get_by_label("Email").fill(EMAIL)
        page.get_by_label("Password").fill(PASSWORD)
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", level=1)).to_contain_text("add your phone", timeout=180_000)

        protocol = context.new_cdp_session(page)
        protocol.send("Page.enable")
        manifest = protocol.send("Page.getAppManifest")
        assert (manifest["errors"], json.loads(manifest["data"])["display"]) == ([], "standalone")
        found = protocol.send("Page.getInstallabilityErrors")["installabilityErrors"]
        assert {one["errorId"] for one in found} <= {"in-incognito"}  # which a test's browser always is

        registrations: list[dict[str, Any]] = []
        protocol.on("ServiceWorker.workerRegistrationUpdated", lambda e: registrations.extend(e["registrations"]))
        protocol.send("ServiceWorker.enable")
        page.get_by_role("button", name="Push pages to this device").tap()
        expect(page.get_by_text("is kept. Try it: page me now.")).to_be_visible(timeout=180_000)
        page.get_by_role("button", name="Page me now").tap()
        expect(page.get_by_text("You are being paged now")).to_be_visible(timeout=180_000)

        assert place.run(SEND) == 1
        (got,) = service.got
        given, body = got.headers, got.body
        told = json.loads(http_ece.decrypt(body, private_key=private, auth_secret=secret, version="aes128gcm"))
        assert told["title"].startswith("[test] acme")
        assert secret not in body
        asked = base64.b64decode(page.evaluate("sessionStorage.askedKey"))  # what the subscription is bound to
        assert given["authorization"].endswith(f", k={encoded(asked)}")
        assert given["urgency"] == "high"

        registration = next(one for one in registrations if one["scopeURL"] == f"{url}/")["registrationId"]
        protocol.send(
            "ServiceWorker.deliverPushMessage",
            {"origin": url, "registrationId": registration, "data": json.dumps(told)},
        )
        page.wait_for_function(f"async () => (await {SHOWN.strip()}).length")
        (shown,) = page.evaluate(SHOWN)
        assert (shown["title"], shown["tag"], shown["stays"]) == (told["title"], given["topic"], True)
        page.reload()
        expect(page.get_by_text("Try 1: sent")).to_be_visible(timeout=180_000)
        context.close()
    assert place.run(LOOK) == {"push": "sent"}


def encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
