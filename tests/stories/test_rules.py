"""The cookbook's six rules on a real SaaS: each fault is switched on, each is told of within its two minutes."""

import os
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from examples.demo.watching import Watcher
from examples.demo.world import HOME, PROJECT, Options, World

pytestmark = [pytest.mark.story]
LIMIT_SECONDS = 120
TMPFS_BYTES = 16_000_000


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A small disk of its own, so that it can be filled."""
    folder = tmp_path_factory.mktemp("disk")
    command = ["mount", "-t", "tmpfs", "-o", f"size={TMPFS_BYTES}", "tmpfs", str(folder)]
    if os.geteuid() or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("a small disk can only be mounted as root")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=False)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, disk: Path) -> Iterator[World]:
    """The demo's world with all checks of the rules made quick."""
    with World(Options(tmp_path_factory.mktemp("rules") / "world"), print) as world:
        world.build()
        overlay = world.options.folder / "disk.toml"
        overlay.write_text(
            (HOME / "demo.toml").read_text().replace("[alerts]\n", f'[alerts]\ndisk = {{ paths = ["{disk}"] }}\n', 1)
        )
        files = (str(HOME / "golive.toml"), "--overlay", str(overlay))
        world.install.run("apply", *files, "--project", PROJECT, "--yes")
        yield world


def sources(watcher: Watcher) -> set[str]:
    """The sources of all incidents so far."""
    with suppress(httpx.HTTPError):
        return {source for incident in watcher.get("incidents") for source in incident["sources"]}
    return set()


def fired(watcher: Watcher, kind: str) -> bool:
    """Whether a rule has opened an incident."""
    return any(f"rule:{kind}" in source for source in sources(watcher))


def test_all_six_fire(world: World, disk: Path) -> None:
    watcher = Watcher(world)
    measured: dict[str, float] = {}
    before = {kind for kind in sources(watcher) if "rule:" in kind}
    assert not before, f"rules fire without a fault: {before}"
    acme = world.acme
    # In this order each fault is the first to set off its own rule: a slow acme does not fail, a failing one has
    # been slow already. What goes together has nothing to do with each other.
    rounds: list[dict[str, Callable[[], object]]] = [
        {
            "p95": lambda: acme.fault("slow", delay_seconds=2.5),
            "disk": lambda: (disk / "filler").write_bytes(b"\0" * int(TMPFS_BYTES * 0.93)),
        },
        {"error_rate": lambda: acme.fault("errors", share=0.3)},
        {"pool": lambda: acme.fault("leak")},
        {"webhook_failures": lambda: acme.fault("webhooks"), "signups": lambda: acme.fault("signups")},
    ]
    for faults in rounds:
        began = time.monotonic()
        waited = set(faults)
        for kind, cause in faults.items():
            if fired(watcher, kind):
                print(f"{kind} fired before its fault: this machine is busy")
            cause()
        while waited and time.monotonic() - began < LIMIT_SECONDS + 60:
            for kind in [each for each in waited if fired(watcher, each)]:
                measured[kind] = time.monotonic() - began
                waited.discard(kind)
            time.sleep(0.5)
        with suppress(httpx.HTTPError):
            acme.mend()
    print({kind: f"{seconds:.0f} s" for kind, seconds in measured.items()})
    assert set(measured) == {kind for faults in rounds for kind in faults}, world.last_words()
