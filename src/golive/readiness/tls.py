"""What a TLS server agrees to: its certificate, protocols and ciphers, asked with Python's ssl."""

import contextlib
import socket
import ssl
import tempfile
import threading
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

# Mozilla's intermediate profile (guidelines 5.7): TLS 1.2 with these, and TLS 1.3.
INTERMEDIATE = {
    "ECDHE-ECDSA-AES128-GCM-SHA256",
    "ECDHE-RSA-AES128-GCM-SHA256",
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-RSA-AES256-GCM-SHA384",
    "ECDHE-ECDSA-CHACHA20-POLY1305",
    "ECDHE-RSA-CHACHA20-POLY1305",
    "DHE-RSA-AES128-GCM-SHA256",
    "DHE-RSA-AES256-GCM-SHA384",
    "DHE-RSA-CHACHA20-POLY1305",
}
WEAK = "aNULL:eNULL:EXPORT:RC4:3DES:DES:MD5:SEED:IDEA:CAMELLIA"
OLD = (ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1)
TIMEOUT_SECONDS = 8


@dataclass(frozen=True)
class Seen:
    """What one handshake came to."""

    agreed: bool
    protocol: str = ""
    cipher: str = ""
    trouble: str = ""


def certificate(host: str, port: int, trust: ssl.SSLContext | None = None) -> tuple[str, datetime | None]:
    """What is wrong with the chain or the name (empty: nothing), and until when the certificate is valid."""
    context = trust or ssl.create_default_context()
    try:
        with _connected(host, port) as plain, context.wrap_socket(plain, server_hostname=host) as tls:
            return "", _until(tls.getpeercert(binary_form=True))
    except ssl.SSLCertVerificationError as error:
        return error.verify_message, None


def handshake(host: str, port: int, version: ssl.TLSVersion, ciphers: str = "ALL:@SECLEVEL=0") -> Seen:
    """Offer one protocol version and some ciphers. Raises OSError when nobody is there."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = context.maximum_version = version
    try:
        context.set_ciphers(ciphers)
    except ssl.SSLError:
        return Seen(False, trouble="cannot be offered from here")
    with _connected(host, port) as plain:
        try:
            with context.wrap_socket(plain, server_hostname=host) as tls:
                agreed = tls.cipher()
                return Seen(True, tls.version() or "", agreed[0] if agreed else "")
        except (ssl.SSLError, ConnectionError, TimeoutError) as error:
            return Seen(False, trouble=str(getattr(error, "reason", "") or error))


def deviations(ciphers: Sequence[str]) -> list[str]:
    """Ciphers of TLS 1.2 that Mozilla's intermediate profile does not have."""
    return sorted(set(ciphers) - INTERMEDIATE)


def accepted(host: str, port: int, most: int = 12) -> list[str]:
    """The ciphers of TLS 1.2 that the server takes, by offering what is left until it refuses."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.set_ciphers("ALL:@SECLEVEL=0")
    left = [cipher["name"] for cipher in context.get_ciphers() if not cipher["name"].startswith("TLS_")]
    found: list[str] = []
    while left and len(found) < most:
        seen = handshake(host, port, ssl.TLSVersion.TLSv1_2, ":".join(left) + ":@SECLEVEL=0")
        if not seen.agreed or seen.cipher not in left:
            break
        found.append(seen.cipher)
        left.remove(seen.cipher)
    return found


def _connected(host: str, port: int) -> socket.socket:
    return socket.create_connection((host, port), TIMEOUT_SECONDS)


def _until(shown: bytes | None) -> datetime | None:
    return x509.load_der_x509_certificate(shown).not_valid_after_utc.astimezone(UTC) if shown else None


@contextlib.contextmanager
def planted_server(days: int = 30) -> Iterator[tuple[int, ssl.SSLContext]]:
    """A TLS server on localhost with a certificate of its own making: its port, and a context that trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    public = made.public_bytes(Encoding.PEM)
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.minimum_version = ssl.TLSVersion.TLSv1_2
    serving.set_ciphers("ECDHE+AESGCM:ECDHE+CHACHA20")
    with tempfile.NamedTemporaryFile(suffix=".pem") as file:
        file.write(private + public)
        file.flush()
        serving.load_cert_chain(file.name)
    trust = ssl.create_default_context(cadata=public.decode())
    listener = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=_serve, args=(listener, serving), daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1], trust
    finally:
        listener.close()


def _serve(listener: socket.socket, serving: ssl.SSLContext) -> None:
    """Shake hands with whoever comes, until the listener is closed."""
    while True:
        try:
            plain, _ = listener.accept()
        except OSError:
            return
        with contextlib.suppress(OSError, ssl.SSLError), plain:
            plain.settimeout(TIMEOUT_SECONDS)
            serving.wrap_socket(plain, server_side=True).close()
