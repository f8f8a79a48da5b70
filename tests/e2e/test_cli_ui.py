"""`anticipate ui`: both of Dagster's processes run on this machine only, show the home, and end together."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

import pytest

from tests.e2e.conftest import anticipate, environment


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _ask(port: int, question: str) -> dict[str, object]:
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/graphql",
        data=json.dumps({"query": question}).encode(),
        headers={"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        return dict(json.loads(answer.read())["data"])


def _wait_until_up(port: int, ui: subprocess.Popen[str]) -> None:
    for _ in range(240):
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/server_info", timeout=5).close()
            return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            assert ui.poll() is None, "the UI ended by itself"
            time.sleep(0.5)
    pytest.fail("the UI did not come up")


def _handed_out(port: int, home: Path) -> int:
    """Opens every link of the page of what is published; nothing else of the home can be had."""
    site = f"http://127.0.0.1:{port}"
    with urllib.request.urlopen(f"{site}/published", timeout=60) as answer:
        links = re.findall('href="([^"]+)"', answer.read().decode())
    assert {"/published/dashboard.html", "/published/population.html"} <= set(links)
    for link in links:
        with urllib.request.urlopen(site + link, timeout=60) as answer:
            name = urllib.parse.unquote(link.removeprefix("/published/"))
            assert answer.read() == (home / "published" / "current" / name).read_bytes()
    for other in ("analyst.duckdb", "manifest.json", "..%2F..%2Fvault%2Fkey%2Fperson.key"):
        with pytest.raises(urllib.error.HTTPError, match="404"):
            urllib.request.urlopen(f"{site}/published/{other}", timeout=60)
    return len(links)


@pytest.mark.slow
def test_the_ui_shows_the_runs_of_the_home_and_ends_when_told(demo_home: Path) -> None:
    port = _free_port()
    command = [sys.executable, "-m", "pipelines.cli", "--home", str(demo_home), "ui", "--port", str(port)]
    with subprocess.Popen(command, env=environment(), stdout=subprocess.PIPE, text=True) as ui:
        try:
            assert ui.stdout is not None
            assert f"on http://127.0.0.1:{port}" in ui.stdout.readline()
            _wait_until_up(port, ui)
            found = _ask(
                port,
                "{ runsOrError { ... on Runs { results { jobName status repositoryOrigin { repositoryName } } } } }",
            )
            runs = found["runsOrError"]["results"]  # type: ignore[index]
            assert {(r["jobName"], r["status"]) for r in runs} == {("weekly", "SUCCESS")}
            assert all(r["repositoryOrigin"] for r in runs)
            assert _handed_out(port, demo_home) > 2
            daemons = "{ instance { daemonHealth { allDaemonStatuses { daemonType healthy } } } }"
            for _ in range(120):
                statuses = _ask(port, daemons)["instance"]["daemonHealth"]["allDaemonStatuses"]  # type: ignore[index]
                if {s["daemonType"] for s in statuses if s["healthy"]} >= {"SENSOR", "SCHEDULER"}:
                    break
                time.sleep(1)
            else:
                pytest.fail(f"the daemon is not healthy: {statuses}")
        finally:
            ui.send_signal(signal.SIGTERM)
            assert ui.wait(timeout=60) == 0
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(f"http://127.0.0.1:{port}/server_info", timeout=5)


def test_a_port_that_is_taken_is_one_sentence(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = anticipate(tmp_path / "home", "ui", "--port", str(port))
    assert done.returncode == 2
    assert done.stderr == f"Port {port} is in use on this machine; try --port {port + 1}.\n"
