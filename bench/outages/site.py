"""The site that fails: HTTP and HTTPS, in the mood that a file says. `python -m bench.outages.site HOST FOLDER`."""

import asyncio
import ssl
import sys
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

HTTP, HTTPS = 8080, 8443
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"
BROKEN = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


def certify(folder: Path, host: str) -> None:
    """An authority, and two certificates of the host: one good, one that ran out yesterday."""
    now = datetime.now(UTC)
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "outages")])
    _write(folder / "key.pem", key)
    base = x509.CertificateBuilder().issuer_name(name).public_key(key.public_key())
    root = base.subject_name(name).serial_number(1).not_valid_before(now - timedelta(days=9))
    root = root.not_valid_after(now + timedelta(days=90))
    root = root.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    (folder / "root.pem").write_bytes(root.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    for number, (file, days) in enumerate((("good.pem", 60), ("expired.pem", -1)), 2):
        leaf = base.subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])).serial_number(number)
        leaf = leaf.not_valid_before(now - timedelta(days=9)).not_valid_after(now + timedelta(days=days))
        leaf = leaf.add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address(host))]), critical=False)
        (folder / file).write_bytes(leaf.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))


def _write(path: Path, key: ec.EllipticCurvePrivateKey) -> None:
    plain = serialization.NoEncryption()
    path.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain))


class Site:
    """Answers by the mood: "well", "slow SECONDS", "broken"; "expired" shows the certificate that ran out."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.shown = folder, ""
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.show("good.pem")

    def show(self, file: str) -> None:
        if file != self.shown:
            self.tls.load_cert_chain(self.folder / file, self.folder / "key.pem")
            self.shown = file

    def mood(self) -> str:
        return (self.folder / "mood").read_text().strip()

    async def follow(self) -> None:
        while True:
            self.show("expired.pem" if self.mood() == "expired" else "good.pem")
            await asyncio.sleep(0.05)

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            mood = self.mood()
            if mood.startswith("slow"):
                await asyncio.sleep(float(mood.split()[1]))
            writer.write(BROKEN if mood == "broken" else ANSWER)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass
        finally:
            writer.close()


async def main() -> None:
    host, folder = sys.argv[1], Path(sys.argv[2])
    site = Site(folder)
    await asyncio.start_server(site.handle, host, HTTP, backlog=2048)
    await asyncio.start_server(site.handle, host, HTTPS, ssl=site.tls, backlog=2048)
    await site.follow()


if __name__ == "__main__":
    asyncio.run(main())
