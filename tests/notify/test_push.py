"""Web push: the example of RFC 8291, a browser's view of what we send, and the page that keeps contacts."""

import json

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.utils import timezone

from golive.notify import reach, trial, webpush
from golive.notify.delivery import deliver_due
from golive.notify.models import Contact, Delivery, OutboxMessage, QuietHours
from golive.people.models import Project, Role, User
from tests.receiver import receiving

# RFC 8291, section 5
PLAIN = b"When I grow up, I want to be a watermelon"
UA_PUBLIC = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"
AUTH = "BTBZMqHH6r4Tts7J_aSIgg"
AS_PRIVATE = "yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"
SALT = "DGv6ra1nlYgDCS1FRnbzlw"
RECORD = (
    "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIg"
    "Dll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
)


def test_the_example_of_the_standard():
    private = ec.derive_private_key(int.from_bytes(webpush.decoded(AS_PRIVATE), "big"), ec.SECP256R1())
    subscription = webpush.Subscription("https://push.example/x", webpush.decoded(UA_PUBLIC), webpush.decoded(AUTH))
    record = webpush.encrypt(subscription, PLAIN, private=private, salt=webpush.decoded(SALT))
    assert webpush.encoded(record) == RECORD


class Browser:
    """Reads what is pushed to it, as a browser does."""

    def __init__(self) -> None:
        self.private = ec.generate_private_key(ec.SECP256R1())
        self.secret = b"0123456789abcdef"
        self.key = self.private.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)

    def subscription(self, endpoint: str) -> str:
        keys = {"p256dh": webpush.encoded(self.key), "auth": webpush.encoded(self.secret)}
        return json.dumps({"endpoint": endpoint, "expirationTime": None, "keys": keys})

    def read(self, record: bytes) -> dict:
        salt, theirs, sealed = record[:16], record[21:86], record[86:]
        shared = self.private.exchange(ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), theirs))
        keyed = webpush._derive(shared, self.secret, b"WebPush: info\0" + self.key + theirs, 32)
        key = webpush._derive(keyed, salt, b"Content-Encoding: aes128gcm\0", 16)
        plain = AESGCM(key).decrypt(webpush._derive(keyed, salt, b"Content-Encoding: nonce\0", 12), sealed, None)
        assert plain.endswith(b"\x02")
        return json.loads(plain[:-1])


@pytest.fixture
def service():
    with receiving() as receiver:
        receiver.answer = 201
        yield receiver


@pytest.fixture
def ada(db, client, tmp_path, monkeypatch):
    monkeypatch.setenv("GOLIVE_DATA", str(tmp_path))
    monkeypatch.setenv("GOLIVE_ALLOW_PRIVATE", "127.0.0.0/8")
    Project.objects.create(slug="acme", name="acme")
    client.force_login(User.objects.create_person("ada@acme.example", "correct horse battery", Role.RESPONDER))
    return client


@pytest.mark.django_db(transaction=True)
def test_page_me_now_arrives_encrypted_and_signed(ada, service):
    browser = Browser()
    ada.post("/account/reach/push/", {"subscription": browser.subscription(f"{service.url}/push/abc")})
    assert service.url not in Contact.objects.get().sealed
    ada.post("/account/reach/test/")
    deliver_due()
    got = service.got[0]
    assert browser.read(got.body)["title"].startswith("[test] acme")
    assert (got.headers["urgency"], got.headers["content-encoding"]) == ("high", "aes128gcm")
    token, key = got.headers["authorization"].removeprefix("vapid t=").split(", k=")
    signed, _, signature = token.rpartition(".")
    raw = webpush.decoded(signature)
    point = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), webpush.decoded(key))
    as_der = encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
    point.verify(as_der, signed.encode(), ec.ECDSA(SHA256()))
    assert json.loads(webpush.decoded(signed.split(".")[1]))["aud"] == service.url
    assert OutboxMessage.objects.get(channel="push").state == Delivery.SENT


@pytest.mark.django_db(transaction=True)
def test_a_browser_that_left_hands_over_to_mail(ada, service):
    service.answer = 410
    reach.keep("ada@acme.example", "push", "gone", Browser().subscription(f"{service.url}/push/abc"))
    trial.page(Project.objects.get(), "ada@acme.example", timezone.now())
    deliver_due()
    states = dict(OutboxMessage.objects.values_list("channel", "state"))
    assert states["push"] == Delivery.DEAD
    assert "email" in states  # the fallback; there is no mail server here


@pytest.mark.parametrize("text", ["", "{}", '{"endpoint":"file:///etc","keys":{"p256dh":"AA","auth":"AA"}}', "[1]"])
def test_not_a_subscription(text):
    with pytest.raises(ValueError, match="push subscription"):
        webpush.Subscription.read(text)


def test_contacts_are_added_ordered_changed_and_removed(ada):
    ada.post("/account/reach/add/", {"address": "Home@x.io", "urgent": "on", "normal": "on", "label": "home"})
    ada.post("/account/reach/add/", {"address": "ntfy://127.0.0.1/hidden7", "urgent": "on", "after": "3m"})
    ada.post("/account/reach/add/", {"address": "neither"})
    first, second = Contact.objects.all()
    assert (first.address, second.channel, second.after.seconds) == ("home@x.io", "apprise", 180)
    assert b"hidden7" not in ada.get("/account/reach/").content.split(b"Add a contact")[0]
    ada.post(f"/account/reach/{second.pk}/", {"do": "up"})
    assert [one.pk for one in Contact.objects.all()] == [second.pk, first.pk]
    ada.post(f"/account/reach/{first.pk}/", {"do": "save", "normal": "on"})
    ada.post(f"/account/reach/{second.pk}/", {"do": "remove"})
    assert list(Contact.objects.values_list("urgent", "normal")) == [(False, True)]
    ada.post("/account/reach/quiet/", {"since": "22:00", "until": "07:00"})
    assert QuietHours.objects.get().person == "ada@acme.example"


def test_nobody_changes_anothers_contacts(ada):
    other = Contact.objects.create(person="ben@acme.example", channel="email", label="x", address="ben@acme.example")
    assert ada.post(f"/account/reach/{other.pk}/", {"do": "remove"}).status_code == 404


def test_the_console_can_be_installed(client, db):
    manifest = client.get("/manifest.webmanifest").json()
    assert {icon["sizes"] for icon in manifest["icons"]} == {"192x192", "512x512"}
    worker = client.get("/worker.js")
    assert worker["Content-Type"].startswith("text/javascript")
    assert b"showNotification" in worker.content
