"""Several hosts by ssh: two real servers of OpenSSH on loopback ports, deployed to one after the other."""

import getpass
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from examples.demo.install import free_ports
from golive.releases import door
from golive.releases.command.target import SSH, remote
from golive.releases.models import DeployState
from tests.releases.conftest import Shop, wait_for

SSHD = shutil.which("sshd") or shutil.which("sshd", path="/usr/sbin")
CONFIG = """
ListenAddress 127.0.0.1:{port}
HostKey {folder}/host
AuthorizedKeysFile {folder}/key.pub
PidFile {folder}/{port}.pid
StrictModes no
UsePAM no
PasswordAuthentication no
PermitRootLogin prohibit-password
"""


@pytest.mark.parametrize(
    ("host", "said"),
    [
        ("web1", ["--", "web1"]),
        ("deploy@web1:2222", ["-p", "2222", "--", "deploy@web1"]),
        ("fe80::1:22", ["--", "fe80::1:22"]),
    ],
)
def test_a_host_is_a_name_and_perhaps_a_port(host: str, said: list[str]) -> None:
    assert remote(host, ["echo", "a b"]) == [*SSH, *said, "echo 'a b'"]


@pytest.fixture
def hosts(tmp_path: Path) -> Iterator[tuple[list[str], Path]]:
    """Two servers of OpenSSH, and the configuration by which they are reached."""
    if SSHD is None:
        pytest.skip("no sshd here: apt-get install openssh-server")
    for name in ("host", "key"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / name], check=True)
    ports = free_ports(2)
    running = []
    Path("/run/sshd").mkdir(exist_ok=True)
    for port in ports:
        file = tmp_path / f"{port}.conf"
        file.write_text(CONFIG.format(port=port, folder=tmp_path))
        running.append(subprocess.Popen([SSHD, "-D", "-e", "-f", file], stderr=(tmp_path / f"{port}.log").open("w")))
    public = (tmp_path / "host.pub").read_text()
    (tmp_path / "known").write_text("".join(f"[127.0.0.1]:{port} {public}" for port in ports))
    config = tmp_path / "config"
    config.write_text(f"IdentityFile {tmp_path}/key\nUserKnownHostsFile {tmp_path}/known\nIdentitiesOnly yes\n")
    for port in ports:
        wait_for(lambda port=port: "listening" in (tmp_path / f"{port}.log").read_text())
    yield [f"{getpass.getuser()}@127.0.0.1:{port}" for port in ports], config
    for process in running:
        process.terminate()
        process.wait(20)


def test_a_release_goes_from_host_to_host_and_comes_back(shop: Shop, hosts: tuple[list[str], Path]) -> None:
    names, config = hosts
    log = shop.folder / "log"
    says = "sh -c 'echo {} {{release}} {{host}} $SSH_CONNECTION >> " + str(log) + "'"
    shop.settings |= {
        "target": "command",
        "healthy": 1,
        "watch": "100ms",
        "command": {
            "hosts": names, "ssh_config": str(config),
            "start": [says.format("start")], "switch": [says.format("switch")], "stop": [says.format("stop")],
            "health": [f"test ! -e {shop.folder}/ill-{{number}}-{{host}}"],
        },
    }  # fmt: skip
    one, two = shop.build(), shop.build()
    assert door.deploy(one, shop.where).well
    outcome = door.deploy(two, shop.where)
    assert outcome.well, outcome.reason
    lines = [line.split()[:3] for line in log.read_text().splitlines()]
    assert lines[-4:] == [[verb, two.name, host] for verb in ("start", "switch") for host in names]
    assert all(len(line.split()) == 7 for line in log.read_text().splitlines()), "each came by ssh"
    # The first host falls ill once it is switched: the second is never switched, the first goes back.
    ill = shop.folder / f"ill-{shop.project.releases.count() + 1}-{names[0]}"
    fatal = says.format("switch").replace("'echo", f"'touch {ill}; echo")
    three = shop.build(settings={"command": shop.settings["command"] | {"switch": [fatal]}})
    before = len(log.read_text().splitlines())
    outcome = door.deploy(three, shop.where)
    assert outcome.state == DeployState.ROLLED_BACK, outcome.reason
    after = [line.split()[:3] for line in log.read_text().splitlines()[before:]]
    assert ["switch", three.name, names[1]] not in after
    assert [line for line in after if line[:2] == ["switch", two.name]] == [["switch", two.name, h] for h in names]
    assert shop.flips() == [("firing", "warning"), ("ok", "warning")]
