"""The supervisor with real processes: what it brings up, back and down again."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from examples.demo.install import Install, free_ports
from golive.up.status import memory_bytes

IDLE_LIMIT_MB = 800
SUPERVISOR_LIMIT_MB = 25


@pytest.fixture(scope="module")
def install(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Install]:
    install = Install(tmp_path_factory.mktemp("up"))
    yield install.start()
    install.kill_all()


def test_all_answer_and_status_says_so(install: Install) -> None:
    assert httpx.get(f"{install.url}/healthz", trust_env=False).status_code == 200
    done = install.attempt("status")
    assert done.returncode == 0, done.stdout + done.stderr
    assert all(name in done.stdout for name in ("store", "ingest", "web", "pager", "jobs", "supervisor"))


def test_idle_memory(install: Install, record_property: pytest.FixtureRequest) -> None:
    time.sleep(5)
    lines = install.json("status")["processes"]
    used = {line["name"]: line["memory_bytes"] / 1e6 for line in lines}
    print({name: round(size) for name, size in used.items()}, "total", round(sum(used.values())), "MB")
    assert sum(used.values()) <= IDLE_LIMIT_MB, used
    assert used["supervisor"] <= SUPERVISOR_LIMIT_MB, used


@pytest.mark.parametrize("name", ["jobs", "pager", "web", "ingest", "store"])
def test_what_is_killed_comes_back(install: Install, name: str) -> None:
    before = install.kill(name)
    install.wait_back(name, before)
    assert install.status()["processes"][name]["restarts"] >= 1


def test_second_supervisor_is_refused(install: Install) -> None:
    second = subprocess.run(
        [sys.executable, "-m", "golive.up", "--data", str(install.data)], capture_output=True, text=True, check=False
    )
    assert second.returncode == 1
    assert "already up" in second.stderr
    assert "--data" in second.stderr


def test_killed_supervisor_leaves_nothing_and_returns_at_once(install: Install) -> None:
    family = psutil.Process(install.pid("web")).parent()
    assert family is not None
    children = family.children(recursive=True)
    install.kill_supervisor()
    install.start(60)
    assert not [child for child in children if child.is_running() and child.status() != psutil.STATUS_ZOMBIE]
    assert httpx.get(f"{install.url}/healthz", trust_env=False).status_code == 200


def test_sigterm_stops_everything(install: Install) -> None:
    me = psutil.Process(install.pid("web")).parent()
    assert me is not None
    children = me.children(recursive=True)
    assert install.stop(45) == 0
    assert not [child for child in children if child.is_running()]
    assert "killed" not in install.last_words(12)
    assert install.attempt("status").returncode == 2


def test_taken_port_is_named_with_the_way_out(tmp_path: Path) -> None:
    port, ingest_port = free_ports(2)
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", port))
        holder.listen()
        done = subprocess.run(
            [sys.executable, "-m", "golive.up", f"--data={tmp_path}", f"--port={port}", f"--ingest-port={ingest_port}"],
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
    assert done.returncode == 1
    assert f"127.0.0.1:{port} is taken by" in done.stderr
    assert f"pid {os.getpid()}" in done.stderr
    assert "--port" in done.stderr


def test_supervisor_stays_light() -> None:
    code = (
        "import golive.up.__main__, sys; print([m for m in ('django', 'typer', 'rich', 'asyncio') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_memory_is_counted_for_a_whole_family() -> None:
    assert (memory_bytes(psutil.Process()) or 0) > 1_000_000
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(30)"])
    try:
        assert (memory_bytes(psutil.Process(child.pid)) or 0) > 100_000
    finally:
        child.send_signal(signal.SIGKILL)
        child.wait()
