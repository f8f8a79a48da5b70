"""Dagster's web pages and daemon for one home, on this machine only."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterable

from pipelines.dagster_home import LOCATION, prepare_dagster
from pipelines.errors import MistakeError, ProblemError
from pipelines.settings import read_settings
from pipelines.store import Store

Running = dict[str, "subprocess.Popen[bytes]"]


def serve(store: Store, *, port: int | None = None, host: str | None = None, read_only: bool | None = None) -> None:
    """Run webserver and daemon until interrupted; when one ends, so does the other.

    Args:
        store: the home.
        port: as the settings say where not given.
        host: the same; another address than this machine's needs a sign-on before it.
        read_only: the same; pages that change nothing and start nothing, with no daemon beside them.

    Raises:
        MistakeError: the port is taken.
        ProblemError: one of the two ended by itself.
    """
    settings = read_settings(store).ui
    port, host = port or settings.port, host or settings.host
    looking_only = settings.read_only if read_only is None else read_only
    _refuse_taken(host, port)
    prepare_dagster(store.prepare())
    environment = {**os.environ, "DAGSTER_HOME": str(store.dagster_home), "ANTICIPATE_HOME": str(store.home)}
    commands = _commands(host, port, looking_only=looking_only)
    running = {
        name: subprocess.Popen([sys.executable, "-m", *command], env=environment) for name, command in commands.items()
    }
    sys.stdout.write(
        f"Dagster for {store.home} on http://{host}:{port}{' for looking only' * looking_only} (Ctrl-C stops it)\n"
    )
    sys.stdout.flush()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        _wait_until_one_ends(running)
    except KeyboardInterrupt:
        sys.stdout.write("Stopped.\n")
    finally:
        _end(running.values())


def _refuse_taken(host: str, port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            raise MistakeError(f"Port {port} is in use on this machine; try --port {port + 1}.") from None


def _commands(host: str, port: int, *, looking_only: bool) -> dict[str, list[str]]:
    """Webserver and daemon; pages for looking only have no daemon beside them."""
    shared = ["--module-name", LOCATION, "--code-server-log-level", "error"]
    quiet = ["--log-level", "warning", "--dagster-log-level", "warning"]
    webserver = ["pipelines.webserver", "--host", host, "--port", str(port), *shared, *quiet]
    if looking_only:
        return {"webserver": [*webserver, "--read-only"]}
    return {"webserver": webserver, "daemon": ["dagster._daemon", "run", *shared, "--log-level", "warning"]}


def _wait_until_one_ends(running: Running) -> None:
    while all(process.poll() is None for process in running.values()):
        time.sleep(0.5)
    ended = next(name for name, process in running.items() if process.poll() is not None)
    raise ProblemError(f"Dagster's {ended} ended with code {running[ended].returncode}; see the lines above.")


def _end(processes: Iterable[subprocess.Popen[bytes]]) -> None:
    living = [process for process in processes if process.poll() is None]
    for process in living:
        process.terminate()
    for process in living:
        try:
            process.wait(timeout=15)
        except subprocess.TimeoutExpired:
            process.kill()
