"""Settings, log, alerts, version of the lake, doctor: what keeps an installation going."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import polars as pl
import pytest

from pipelines import journal, lake_version
from pipelines.alerts import Alert, alerts_of_run, send
from pipelines.backup import backup, complete_copies, restore
from pipelines.doctor import examine
from pipelines.errors import MistakeError, ProblemError
from pipelines.settings import FILE, Settings, apply_settings, read_settings, reference_page
from pipelines.store import Store
from tests.deliveries import World


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    for name in ("ANTICIPATE_KEY_FILE", "ANTICIPATE_THREADS", "ANTICIPATE_MEMORY", "ANTICIPATE_SITE"):
        monkeypatch.delenv(name, raising=False)
    return Store.at(tmp_path / "home").prepare()


def settings(store: Store, text: str) -> None:
    (store.home / FILE).write_text(text)


def test_without_a_file_every_setting_has_its_default(store: Store) -> None:
    assert read_settings(store) == Settings()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[run]\nthread = 4", r"run\.thread: Extra inputs"),
        ("[run]\nthreads = 0", r"run\.threads: Input should be greater"),
        ("[run]\nmemory = 'lots'", r"run\.memory"),
        ("[alerts.webhook]\nurl = 'ftp://x'", r"alerts\.webhook\.url"),
        ("[run\n", "is no TOML"),
    ],
)
def test_a_setting_that_is_unknown_or_wrong_is_one_sentence_that_names_it(store: Store, text: str, says: str) -> None:
    settings(store, text)
    with pytest.raises(MistakeError, match=says):
        read_settings(store)


def test_settings_reach_the_environment_and_what_is_there_goes_first(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANTICIPATE_THREADS", "7")
    for name in ("ANTICIPATE_MEMORY", "ANTICIPATE_KEY_FILE"):
        monkeypatch.setenv(name, "x")  # so that what is set here is undone afterwards
        monkeypatch.delenv(name)
    settings(store, "[run]\nthreads = 2\nmemory = '3GB'\n[key]\nfile = 'safe/person.key'\n")
    apply_settings(store)
    import os

    assert (os.environ["ANTICIPATE_THREADS"], os.environ["ANTICIPATE_MEMORY"]) == ("7", "3GB")
    assert store.key_file == store.home / "safe/person.key"
    for name in ("ANTICIPATE_MEMORY", "ANTICIPATE_KEY_FILE"):
        monkeypatch.delenv(name)


def test_the_reference_names_every_setting() -> None:
    page = reference_page()
    for key in ("threads", "read_only", "after_weekly", "keep", "encryption", "url"):
        assert f"| `{key}` |" in page


def test_the_log_takes_run_and_asset_and_nothing_else(store: Store) -> None:
    journal.write(store, run="r1", job="weekly", what="asset", asset="conform/apc", rows=3)
    with pytest.raises(ValueError, match="person"):
        journal.write(store, person="somebody")
    (line,) = next((store.home / "log").glob("*.jsonl")).read_text().splitlines()
    said = json.loads(line)
    assert (said["level"], said["asset"], said["rows"]) == ("info", "conform/apc", 3)


def finding(check: str, *, passed: bool, blocking: bool) -> dict[str, object]:
    return {"asset": "conform/apc", "check": check, "passed": passed, "blocking": blocking, "says": f"says {check}"}


def test_an_alert_says_which_check_stopped_the_run_else_which_step_broke(store: Store) -> None:
    folder = store.checks / "r1"
    folder.mkdir(parents=True)
    rows = [
        finding("within_staleness_limit", passed=False, blocking=True),
        finding("every_record_accounted_for", passed=True, blocking=True),
        finding("files_and_rows_accepted", passed=False, blocking=False),
    ]
    pl.DataFrame(rows).write_parquet(folder / "conform.parquet")
    (alert,) = alerts_of_run(store, "r1", "weekly", "2026-02-23", ("conform",))
    assert (alert.kind, alert.says) == ("stale source", ("conform/apc: says within_staleness_limit",))
    (alert,) = alerts_of_run(store, "r2", "weekly", "2026-02-23", ("marts",))
    assert (alert.kind, alert.says) == ("run failure", ("The step marts broke down; its error is on the run's page.",))


def test_alerts_go_to_file_and_webhook_once_a_run_and_a_way_that_is_down_stops_nothing(store: Store) -> None:
    got: list[dict[str, object]] = []

    class Listener(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    with HTTPServer(("127.0.0.1", 0), Listener) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}/hook"
        settings(
            store,
            f"[alerts.webhook]\nurl = '{address}'\n"
            "[alerts.email]\nhost = '127.0.0.1'\nport = 1\nsender = 'a@b'\nto = ['c@d']\n",
        )
        alert = Alert("run failure", "r1", "weekly", "2026-02-23", ("The step marts broke down.",))
        problems = send(store, [alert])
        assert send(store, [alert]) == []
        server.shutdown()
    assert [g["text"] for g in got] == ["Anticipate: run failure, weekly 2026-02-23\nThe step marts broke down."]
    assert len((store.home / "alerts.jsonl").read_text().splitlines()) == 1
    assert problems == ["The alert could not be sent by e-mail: ConnectionRefusedError."]


def test_a_lake_of_a_newer_release_is_left_alone_and_an_older_one_brought_up(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert lake_version.lake_version(store) is None
    assert lake_version.bring_up_to_date(store) == 0
    assert lake_version.lake_version(store) == 1
    steps = []
    monkeypatch.setattr(lake_version, "CURRENT", 3)
    monkeypatch.setattr(lake_version, "STEPS", {2: lambda _: steps.append(2), 3: lambda _: steps.append(3)})
    assert (lake_version.bring_up_to_date(store), steps) == (2, [2, 3])
    (store.lake / "version").write_text("4\n")
    with pytest.raises(ProblemError, match="newer release"):
        lake_version.bring_up_to_date(store)
    assert (store.lake / "version").read_text() == "4\n"


def signs(store: Store) -> dict[str, str]:
    return {s.about: s.state for s in examine(store)}


def test_the_doctor_finds_what_is_wrong_and_says_how_to_mend(store: Store) -> None:
    world = World(store.home)
    world.deliver("apc", "2026-01-05", [])
    world.conform("apc")
    store.key_file.parent.mkdir(parents=True)
    store.key_file.write_bytes(b"another key than that of the vault")
    store.key_file.chmod(0o600)
    store.vault.chmod(0o755)
    (store.lake / "version").write_text("9\n")
    settings(store, "[run]\nthread = 4")
    found = signs(store)
    assert {about for about, state in found.items() if state == "problem"} == {"permissions", "key", "lake", "settings"}
    assert all(s.mend for s in examine(store) if s.state != "good")


def test_a_copy_is_complete_private_and_only_restored_whole_into_an_empty_place(store: Store, tmp_path: Path) -> None:
    world = World(store.home)
    world.deliver("gp_registration", "2026-01-05", [{"nhs_number": n} for n in range(3)], historic=True)
    world.conform()
    store.key_file.parent.mkdir(parents=True, exist_ok=True)
    store.key_file.write_text("secret")
    target = tmp_path / "copies"
    with pytest.raises(MistakeError, match="in the home itself"):
        backup(store, store.home / "copies")
    first = backup(store, target)
    assert target.stat().st_mode & 0o077 == 0
    assert not list(first.folder.rglob("person.key"))
    second = backup(store, target, keep=1)
    assert (second.linked, complete_copies(target)) == (second.files, [second.folder])
    here = Store.at(tmp_path / "restored")
    assert restore(here, second.folder, key_file=store.key_file) == second.files
    assert here.key_file.read_text() == "secret"
    ours, theirs = ({p.relative_to(s.home): p.read_bytes() for p in s.lake.rglob("*.parquet")} for s in (store, here))
    assert ours == theirs != {}
    with pytest.raises(MistakeError, match="holds something already"):
        restore(here, second.folder)
    damaged = next(second.folder.rglob("*.parquet"))
    damaged.chmod(0o600)
    damaged.write_bytes(b"damaged")
    with pytest.raises(ProblemError, match="1 files of the copy are damaged"):
        restore(Store.at(tmp_path / "third"), second.folder)
    assert not (tmp_path / "third").exists()
