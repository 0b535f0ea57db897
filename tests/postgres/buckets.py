"""An S3-compatible server (moto) on a free port of the loopback interface, with or without TLS."""

import datetime
import ipaddress
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import httpx
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from golive.releases.host.front import program
from golive.sandbox.servers import free_port


@dataclass(frozen=True)
class Bucket:
    """A bucket behind TLS that checks signatures: `ca` says who signed its certificate."""

    endpoint: str
    name: str
    key: str
    secret: str
    ca: Path
    address: str
    """The same service without TLS."""

    def names(self) -> list[str]:
        """All its objects."""
        client = boto3.client("s3", **_client(self.address, self.key, self.secret))
        pages = client.get_paginator("list_objects_v2").paginate(Bucket=self.name)
        return [each["Key"] for page in pages for each in page.get("Contents", [])]

    def rewrite(self, name: str, change: Callable[[bytes], bytes]) -> None:
        """Alter an object as a failing disk would."""
        client = boto3.client("s3", **_client(self.address, self.key, self.secret))
        body = client.get_object(Bucket=self.name, Key=name)["Body"].read()
        client.put_object(Bucket=self.name, Key=name, Body=change(body))

    def remove(self, name: str) -> None:
        boto3.client("s3", **_client(self.address, self.key, self.secret)).delete_object(Bucket=self.name, Key=name)


@contextmanager
def bucket_server(name: str) -> Iterator[str]:
    """Without TLS, and any key will do. Yields host:port."""
    with _moto() as at:
        boto3.client("s3", **_client(f"http://{at}", "key", "secret")).create_bucket(Bucket=name)
        yield at


@contextmanager
def tls_bucket(name: str, folder: Path) -> Iterator[Bucket]:
    """With Caddy in front: moto's own server hangs up after each answer, without TLS' farewell, as no service does."""
    certify(folder)
    port = free_port()
    with _moto() as at:
        key, secret = _signed(at, name)
        settings = folder / "Caddyfile"
        settings.write_text(
            "{\n admin off\n auto_https off\n persist_config off\n}\n"
            f"https://127.0.0.1:{port} {{\n bind 127.0.0.1\n tls {folder}/ca.pem {folder}/key.pem\n"
            f" reverse_proxy {at}\n}}\n"
        )
        command = [str(program()), "run", "--config", str(settings), "--adapter", "caddyfile"]
        environment = {**os.environ, "XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
        with _running(command, port, environment):
            yield Bucket(f"127.0.0.1:{port}", name, key, secret, folder / "ca.pem", f"http://{at}")


@contextmanager
def _moto() -> Iterator[str]:
    port = free_port()
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with _running(command, port, {**os.environ, "MOTO_PORT": str(port)}):
        yield f"127.0.0.1:{port}"


@contextmanager
def _running(command: list[str], port: int, environment: dict[str, str]) -> Iterator[None]:
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment)
    try:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        yield
    finally:
        server.terminate()
        server.wait()


def _signed(at: str, bucket: str) -> tuple[str, str]:
    """Make the bucket and a key for it; from then on every request has to be signed rightly."""
    kept = _client(f"http://{at}", "key", "secret")
    boto3.client("s3", **kept).create_bucket(Bucket=bucket)
    people = boto3.client("iam", **kept)
    people.create_user(UserName="golive")
    made = people.create_access_key(UserName="golive")["AccessKey"]
    allowed = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}
    people.put_user_policy(
        UserName="golive",
        PolicyName="buckets",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [allowed]}),
    )
    httpx.post(f"http://{at}/moto-api/reset-auth", content=b"0").raise_for_status()
    return made["AccessKeyId"], made["SecretAccessKey"]


def _client(address: str, key: str, secret: str) -> dict[str, Any]:
    return {
        "endpoint_url": address,
        "region_name": "us-east-1",
        "aws_access_key_id": key,
        "aws_secret_access_key": secret,
    }


def certify(folder: Path) -> None:
    """A certificate for 127.0.0.1 that signs itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    # pgBackRest compares names only, others addresses only.
    names = [x509.DNSName("127.0.0.1"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=2))
        .add_extension(x509.SubjectAlternativeName(names), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .sign(key, hashes.SHA256())
    )
    (folder / "ca.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
