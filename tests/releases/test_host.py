"""What a host is told, as data: Caddy's configuration, systemd's units, command lines, environments."""

import shutil
import subprocess
from pathlib import Path

import pytest

from golive.releases import runtime
from golive.releases.command.target import filled, remote
from golive.releases.host.caddy import HSTS, Front, Https, Previews, Site, configuration
from golive.releases.host.place import Place, sockets_of
from golive.releases.host.systemd import environment_file, unit_file
from golive.releases.host.units import Unit
from golive.releases.settings import DeploySection
from golive.releases.steps import Facts, plan

PLACE = Place(Path("/var/golive/deployed"), Path("/run/g"))
FRONT = Front(
    80,
    443,
    (
        Site(("acme.example", "www.acme.example"), "e1", "e1c", Https.AUTOMATIC),
        Site(("a.test",), "e2", "e2c", Https.OFF),
    ),
    (Previews("preview.acme.example", "p1", Https.AUTOMATIC),),
)


def test_the_front_knows_its_hosts_refuses_others_and_is_strict() -> None:
    servers = configuration(FRONT, PLACE)["apps"]["http"]["servers"]
    for server in servers.values():
        last = server["routes"][-1]
        assert "match" not in last
        assert last["handle"][-1]["status_code"] == 421
    secure = servers["secure"]["routes"]
    assert secure[1]["match"] == [{"host": ["acme.example", "www.acme.example"]}]  # certificates need it at the top
    assert all(HSTS in str(route) for route in secure)
    assert HSTS in str(servers["secure"]["errors"])
    assert HSTS not in str(servers["plain"])


def test_requests_are_dialled_through_the_link_and_no_connection_is_kept() -> None:
    route = configuration(FRONT, PLACE)["apps"]["http"]["servers"]["secure"]["routes"][1]
    proxy = next(one for one in route["handle"] if one["handler"] == "reverse_proxy")
    assert proxy["upstreams"][0] == {"dial": "unix//run/g/live/e1/00"}
    assert len(proxy["upstreams"]) == 20
    assert proxy["transport"]["keep_alive"] == {"enabled": False}


def test_a_preview_is_found_by_its_label_and_asks_the_gate_first() -> None:
    routes = configuration(FRONT, PLACE)["apps"]["http"]["servers"]["secure"]["routes"]
    (route,) = [one for one in routes if one.get("match") == [{"host": ["*.preview.acme.example"]}]]
    gate, proxy = [one for one in route["handle"] if one["handler"] == "reverse_proxy"]
    assert gate["rewrite"]["uri"] == "/previews/gate/"
    # Labels are counted from the right: example 0, acme 1, preview 2, then the preview's own.
    assert proxy["upstreams"] == [{"dial": "unix//run/g/live/p1-{http.request.host.labels.3}/00"}]


def test_a_systemd_unit_restarts_and_keeps_its_secrets_in_a_file_of_its_own() -> None:
    unit = Unit("e1-2-web-1", ("uvicorn", "--name", "50% $x"), "/srv/acme", {"SECRET": 'a"b$c'}, stop_seconds=12)
    text = unit_file(unit, PLACE)
    assert 'ExecStart="uvicorn" "--name" "50%% $$x"' in text
    assert "Restart=always" in text
    assert "TimeoutStopSec=12" in text
    assert 'a"b' not in text
    assert environment_file(unit) == 'SECRET="a\\"b\\$c"\n'


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd-analyze here")
def test_systemd_understands_the_unit_and_is_told_where_the_program_is(tmp_path: Path) -> None:
    program = tmp_path / "release" / ".venv" / "bin" / "serve 50%"
    program.parent.mkdir(parents=True)
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    environment = {"PATH": f"{program.parent}:/usr/bin"}
    unit = Unit("e1-2-web-1", ("serve 50%", "--name", '50% "$x"'), str(tmp_path / "release"), environment)
    file = tmp_path / "golive-e1-2-web-1.service"

    def complaints(text: str) -> str:
        file.write_text(text)
        done = subprocess.run(["systemd-analyze", "verify", file], capture_output=True, text=True, check=False)
        return "\n".join(line for line in done.stderr.splitlines() if file.name in line)

    text = unit_file(unit, Place(tmp_path, tmp_path))
    assert str(program).replace("%", "%%") in text
    assert complaints(text) == ""
    assert "nowhere" in complaints(text.replace(str(program).replace("%", "%%"), "/nowhere/serve"))
    assert "kill mode" in complaints(text.replace("KillMode=control-group", "KillMode=nonsense"))


def test_a_value_stays_one_word_whatever_is_in_it() -> None:
    words = filled("run {release} --in {folder}/x", {"release": "a b; rm -rf /", "folder": "/srv"})
    assert words == ["run", "a b; rm -rf /", "--in", "/srv/x"]
    assert remote("web1", words)[-2:] == ["web1", "run 'a b; rm -rf /' --in /srv/x"]
    assert runtime.argv("serve --uds $SOCKET '$HOME x' $NONE", {"SOCKET": "/s", "HOME": "/h"}) == [
        "serve", "--uds", "/s", "/h x", "$NONE",
    ]  # fmt: skip


def test_telemetry_is_told_the_release_whatever_was_given() -> None:
    given = "team=core,service.version=old,deployment.environment.name=dev"
    found = runtime.resource(given, "acme@2", "production")
    assert found == "team=core,service.version=acme@2,deployment.environment.name=production"


def test_sockets_lie_where_their_paths_stay_short() -> None:
    assert sockets_of(Path("/srv/golive/deployed")) == Path("/srv/golive/deployed/s")


def test_a_plan_is_data_and_says_why_it_skips() -> None:
    settings = DeploySection.model_validate({"processes": {"web": "serve $SOCKET"}})
    names = [step.name for step in plan(settings, Facts("b", "a", "production", canary=10))]
    assert names == [
        "gates", "push", "rehearse", "migrate", "start", "health", "canary", "switch", "verify", "settle",
    ]  # fmt: skip
    skipped = {step.name: step.skip for step in plan(settings, Facts("a", "b", "production", rollback=True, warm=True))}
    assert skipped["migrate"] == "a rollback runs no migration"
    assert skipped["start"] == "a still runs"
    assert not skipped["switch"]
