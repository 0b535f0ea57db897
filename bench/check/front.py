"""What stands before a product in production: TLS with a certificate of its own authority, and HTTP that redirects."""

import datetime as dt
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import certifi
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from golive.kit.launch import bound_to_me

CADDY = str(Path(sys.executable).with_name("caddy"))


@dataclass
class Authority:
    """A certificate authority in a folder; `bundle` is what those who trust it set as SSL_CERT_FILE."""

    folder: Path

    def __post_init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "acme test authority")])
        self._certificate = self._made(name, self._key, name, days=30, ca=True)
        self.bundle.write_bytes(Path(certifi.where()).read_bytes() + self._certificate.public_bytes(Encoding.PEM))

    @property
    def bundle(self) -> Path:
        return self.folder / "trusted.pem"

    def certificate(self, host: str, days: int = 90) -> Path:
        """A file with a key and a certificate for `host`, valid for so many days."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
        made = self._made(name, key, self._certificate.subject, days=days, host=host)
        file = self.folder / f"{host}-{days}.pem"
        private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        file.write_bytes(private + made.public_bytes(Encoding.PEM))
        return file

    def _made(
        self,
        name: x509.Name,
        key: ec.EllipticCurvePrivateKey,
        issuer: x509.Name,
        *,
        days: int,
        host: str = "",
        ca: bool = False,
    ) -> x509.Certificate:
        now = dt.datetime.now(dt.UTC)
        made = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(issuer)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(days=1))
            .not_valid_after(now + dt.timedelta(days=days))
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
        )
        if host:
            made = made.add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        return made.sign(self._key, hashes.SHA256())


class Front:
    """Caddy: https://localhost:PORT before an HTTP server, and http://localhost:PLAIN that redirects to it."""

    def __init__(self, authority: Authority, behind: str, *, port: int, plain_port: int) -> None:
        self.authority, self.behind, self.port, self.plain_port = authority, behind, port, plain_port
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"https://localhost:{self.port}"

    @property
    def plain_url(self) -> str:
        return f"http://localhost:{self.plain_port}"

    def start(self, *, days: int = 90, redirect: bool = True, believe: bool = False) -> Self:
        """Serve (again). The faults: an old certificate, no redirect, clients believed about their own address."""
        self.stop()
        certificate = self.authority.certificate("localhost", days)
        trusted = "servers {\n trusted_proxies static 0.0.0.0/0 ::/0\n }" if believe else ""
        plain = f"redir {self.url}{{uri}} 308" if redirect else f"reverse_proxy {self.behind}"
        config = self.authority.folder / "Caddyfile"
        config.write_text(
            f"{{\n admin off\n auto_https off\n persist_config off\n {trusted}\n}}\n"
            f"https://localhost:{self.port} {{\n tls {certificate} {certificate}\n reverse_proxy {self.behind}\n}}\n"
            f"http://localhost:{self.plain_port} {{\n {plain}\n}}\n"
        )
        with (self.authority.folder / "caddy.log").open("ab") as log:
            self._process = subprocess.Popen(
                bound_to_me([CADDY, "run", "--config", str(config), "--adapter", "caddyfile"]), stdout=log, stderr=log
            )
        end = time.monotonic() + 30
        while not self._listens():
            if self._process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"caddy did not come up; see {self.authority.folder / 'caddy.log'}")
            time.sleep(0.05)
        return self

    def _listens(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
        except OSError:
            return False
        return True

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(20)
            self._process = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
