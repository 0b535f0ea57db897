"""Network namespaces joined by a bridge: one for the site, one for golive, one for each probe. Needs root on Linux."""

import os
import secrets
import subprocess
import sys
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from golive.kit.launch import bound_to_me

NETWORK = "10.77.0"


class LandsError(Exception):
    """Namespaces cannot be had here; the message says why."""


def run(*words: str) -> None:
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        raise LandsError(f"{' '.join(words)}: {done.stderr.strip() or done.returncode}")


class Lands:
    """Named lands; `address[name]` is where each is reached from the others. Gone when the context ends."""

    def __init__(self, names: Sequence[str], tag: str = "") -> None:
        self.tag = tag or f"gl{secrets.token_hex(2)}"
        self.names = list(names)
        self.address = {name: f"{NETWORK}.{10 + index}" for index, name in enumerate(self.names)}

    def space(self, name: str) -> str:
        return f"{self.tag}-{name}"

    def __enter__(self) -> Self:
        if os.geteuid():
            raise LandsError("network namespaces need root")
        try:
            self._build()
        except FileNotFoundError as error:
            raise LandsError("the command ip is missing (Debian: iproute2)") from error
        return self

    def _build(self) -> None:
        middle = self.space("net")
        run("ip", "netns", "add", middle)
        run("ip", "-n", middle, "link", "add", "hub", "type", "bridge")
        run("ip", "-n", middle, "link", "set", "hub", "up")
        for index, name in enumerate(self.names):
            space, port = self.space(name), f"p{index}"
            run("ip", "netns", "add", space)
            run("ip", "-n", middle, "link", "add", port, "type", "veth", "peer", "name", "way", "netns", space)
            run("ip", "-n", middle, "link", "set", port, "master", "hub", "up")
            run("ip", "-n", space, "link", "set", "lo", "up")
            run("ip", "-n", space, "addr", "add", f"{self.address[name]}/24", "dev", "way")
            run("ip", "-n", space, "link", "set", "way", "up")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for name in (*self.names, "net"):
            subprocess.run(["ip", "netns", "del", self.space(name)], capture_output=True, check=False)

    def within(self, name: str, *words: str) -> list[str]:
        """The command line that runs a Python module in a land, for as long as this process lives."""
        inside = ["/usr/bin/env", "ip", "netns", "exec", self.space(name), sys.executable, "-m", *words]
        return bound_to_me(inside)

    def cut(self, here: str, there: str) -> None:
        """What `here` sends to `there` is lost, without a word, until `mend`."""
        run("ip", "-n", self.space(here), "route", "add", "blackhole", f"{self.address[there]}/32")

    def mend(self, here: str, there: str) -> None:
        run("ip", "-n", self.space(here), "route", "del", "blackhole", f"{self.address[there]}/32")

    def lose(self, name: str, percent: int) -> None:
        """A share of the packets that reach a land is lost, at random."""
        rules = (
            "add table inet loss; add chain inet loss in { type filter hook input priority 0; }; "
            f"add rule inet loss in iifname way numgen random mod 100 < {percent} counter drop"
        )
        try:
            run("ip", "netns", "exec", self.space(name), "nft", rules)
        except FileNotFoundError as error:
            raise LandsError("the command nft is missing (Debian: nftables)") from error

    def lost(self, name: str) -> int:
        """How many packets were lost so far."""
        words = ["ip", "netns", "exec", self.space(name), "nft", "list", "table", "inet", "loss"]
        told = subprocess.run(words, capture_output=True, text=True, check=True).stdout.split()
        return int(told[told.index("packets") + 1])


class Alone(Lands):
    """No lands: everything runs side by side on the loopback interface."""

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__(names)
        self.address = {name: f"127.0.0.{10 + index}" for index, name in enumerate(names)}

    def within(self, name: str, *words: str) -> list[str]:
        return bound_to_me([sys.executable, "-m", *words])

    def cut(self, here: str, there: str) -> None:
        raise LandsError("one region cannot be cut off without a network of its own")

    def mend(self, here: str, there: str) -> None:
        """Nothing was cut."""

    def lose(self, name: str, percent: int) -> None:
        raise LandsError("packets cannot be lost without a network of its own")
