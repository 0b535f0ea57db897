"""Web push: messages encrypted for one browser (RFC 8291, RFC 8188) and signed as ours (VAPID, RFC 8292)."""

import base64
import os
import struct
import time
from dataclasses import dataclass
from urllib.parse import urlsplit

import orjson
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from golive.kit.folders import kept_secret

RECORD_BYTES = 4096
MOST_BYTES = 3900  # what every push service takes, less header, padding and tag
_CURVE = ec.SECP256R1()
_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


@dataclass(frozen=True)
class Subscription:
    """Where a browser is reached: its push service's address, its public key (65 bytes) and secret (16 bytes)."""

    endpoint: str
    key: bytes
    secret: bytes

    @classmethod
    def read(cls, text: str | bytes) -> "Subscription":
        """What `PushSubscription.toJSON()` gives. Raises ValueError."""
        try:
            given = orjson.loads(text)
            found = cls(given["endpoint"], decoded(given["keys"]["p256dh"]), decoded(given["keys"]["auth"]))
            ec.EllipticCurvePublicKey.from_encoded_point(_CURVE, found.key)
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError("This is not a push subscription.") from error
        if len(found.secret) != 16 or urlsplit(found.endpoint).scheme not in ("https", "http"):
            raise ValueError("This is not a push subscription.")
        return found


def encrypt(subscription: Subscription, plain: bytes, *, private: ec.EllipticCurvePrivateKey, salt: bytes) -> bytes:
    """One record that only the browser can read. `private` and `salt` (16 bytes) are new for each message."""
    ours = private.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    theirs = ec.EllipticCurvePublicKey.from_encoded_point(_CURVE, subscription.key)
    shared = private.exchange(ec.ECDH(), theirs)
    keyed = _derive(shared, subscription.secret, b"WebPush: info\0" + subscription.key + ours, 32)
    content_key = _derive(keyed, salt, b"Content-Encoding: aes128gcm\0", 16)
    nonce = _derive(keyed, salt, b"Content-Encoding: nonce\0", 12)
    header = salt + struct.pack("!IB", RECORD_BYTES, len(ours)) + ours
    return header + AESGCM(content_key).encrypt(nonce, plain + b"\x02", None)


def sealed(subscription: Subscription, plain: bytes) -> bytes:
    """`encrypt` with fresh keys."""
    return encrypt(subscription, plain, private=ec.generate_private_key(_CURVE), salt=os.urandom(16))


def public_key() -> str:
    """This install's key, which browsers want to know when they subscribe."""
    point = _private().public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    return encoded(point)


def authorization(endpoint: str, contact: str, now: float | None = None) -> str:
    """The header by which a push service knows us. `contact` is an address or a page of ours."""
    parts = urlsplit(endpoint)
    claims = {"aud": f"{parts.scheme}://{parts.netloc}", "exp": int(now or time.time()) + 12 * 3600, "sub": contact}
    text = ".".join(encoded(orjson.dumps(part)) for part in ({"typ": "JWT", "alg": "ES256"}, claims))
    r, s = decode_dss_signature(_private().sign(text.encode(), ec.ECDSA(SHA256())))
    signature = encoded(r.to_bytes(32, "big") + s.to_bytes(32, "big"))
    return f"vapid t={text}.{signature}, k={public_key()}"


def encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _private() -> ec.EllipticCurvePrivateKey:
    number = int(kept_secret("push"), 16) % (_ORDER - 1) + 1
    return ec.derive_private_key(number, _CURVE)


def _derive(secret: bytes, salt: bytes, info: bytes, length: int) -> bytes:
    return HKDF(algorithm=SHA256(), length=length, salt=salt, info=info).derive(secret)
