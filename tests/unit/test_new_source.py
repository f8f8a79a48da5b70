"""A source is added from a sample: what is seen in it, the contract, its versions, its table and its features."""

from __future__ import annotations

import datetime as dt
import os
import shutil
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from data_contracts.compare import VersionRefusedError, changes_between, check_version
from data_contracts.contract import ContractError, load_contracts
from data_contracts.sample import SampleError, read_sample
from data_contracts.scaffold import Answers, write_scaffold
from pipelines import sources
from pipelines.errors import MistakeError, ProblemError
from pipelines.store import Store

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"
ANSWERS = Answers("call_connect_time", ("call_connect_time",), 1, "delta", ("cad_number",), "nhs_number")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home with nothing in it; the sources of its site are seen in this process."""
    monkeypatch.setenv("ANTICIPATE_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("ANTICIPATE_SITE", raising=False)
    return tmp_path / "home"


def seen(name: str) -> dict[str, tuple[str, str]]:
    sample = read_sample(EXAMPLES / name)
    marks = ("person", "identifier", "tells_who", "day_first")
    return {c.name: (c.type, " ".join(m for m in marks if getattr(c, m))) for c in sample.columns}


def test_a_sample_shows_types_person_dates_and_what_should_stay_outside() -> None:
    assert seen("ambulance_cad.csv") == {
        "cad_number": ("string", "identifier"),
        "call_connect_time": ("timestamp", "day_first"),
        "nhs_number": ("string", "person"),
        "patient_surname": ("string", "tells_who"),
        "incident_postcode": ("string", "tells_who"),
        "response_category": ("string", ""),
        "chief_complaint": ("string", ""),
        "outcome": ("string", ""),
        "on_scene_time": ("timestamp", "day_first"),
        "minutes_on_scene": ("integer", ""),
    }
    assert seen("virtual_ward.csv")["start_date"] == ("date", "")
    assert seen("falls_service.txt")["exercise_class_offered"] == ("boolean", "")


def test_a_sample_shows_delimiter_key_codes_and_words_for_missing() -> None:
    falls = read_sample(EXAMPLES / "falls_service.txt")
    assert (falls.delimiter, falls.keys[0]) == ("\t", ("client_ref",))
    assert falls.person is not None
    assert falls.person.missing == ("not known",)
    codes = {c.name: c.codes for c in read_sample(EXAMPLES / "ambulance_cad.csv").columns}
    assert codes["response_category"] == ("Category 1", "Category 2", "Category 3")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a,b\n", "no rows"),
        ("a,a\n1,2\n", "occurs twice"),
        ("a,b\n1\n", "row 1 has 1 cells"),
        ("a\x00b\n1\n", "no text"),
    ],
)
def test_a_sample_that_is_no_table_is_refused_in_one_sentence(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "s.csv").write_text(text)
    with pytest.raises(SampleError, match=says):
        read_sample(tmp_path / "s.csv")


def test_a_scaffold_is_a_contract_that_reads_its_example_and_holds_no_value_of_the_sample(home: Path) -> None:
    made = sources.new_source("ambulance", sources.look_at(EXAMPLES / "ambulance_cad.csv"), ANSWERS)
    assert set(made.scaffold.left_out) == {"Patient Surname", "Incident Postcode"}
    (checked,) = sources.check_sources(["ambulance"])
    assert (checked.problem, checked.example) == ("", "6 of 6 rows accepted")
    contract = load_contracts()["ambulance"]
    assert contract.person is not None
    assert contract.key == ("cad_number",)
    assert contract.purposes == ()
    sample = read_sample(EXAMPLES / "ambulance_cad.csv")
    numbers = {row.split(",")[2] for row in sample.path.read_text().splitlines()[1:]} - {""}
    written = made.contract.read_text() + made.example.read_text()
    assert not [n for n in numbers if n in written or n.replace(" ", "") in written]
    assert "EXAMPLE,DE1" not in written


@pytest.mark.slow
def test_the_test_that_is_written_with_a_source_passes_and_can_fail(home: Path) -> None:
    made = sources.new_source("ambulance", sources.look_at(EXAMPLES / "ambulance_cad.csv"), ANSWERS)
    assert sources.read_example(load_contracts()["ambulance"], spoil="call_connect_time").quarantined == 1
    run = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(made.test)]
    environment = {**os.environ, "ANTICIPATE_HOME": str(home)}
    assert subprocess.run(run, env=environment, capture_output=True, check=False).returncode == 0
    made.example.write_text(made.example.read_text().replace("16/12/2025", "16.12.2025"))
    assert subprocess.run(run, env=environment, capture_output=True, check=False).returncode == 1


def test_what_a_sample_does_not_have_and_what_was_not_agreed_is_refused() -> None:
    sample = read_sample(EXAMPLES / "ambulance_cad.csv")
    for change, says in (
        ({"event_date": "arrival"}, "no column 'arrival'"),
        ({"event_date": "outcome"}, "holds no dates"),
        ({"key": ()}, "say which do with --key"),
        ({"agreed": ("direct_care_list",)}, "needs the agreement"),
        ({"agreed": ("marketing",), "agreement": "a", "review": dt.date(2030, 1, 1)}, "is no purpose"),
        ({"delivery": "sometimes"}, "no way of sending"),
    ):
        with pytest.raises(ContractError, match=says):
            write_scaffold("ambulance", sample, Answers(**{**ANSWERS.__dict__, **change}))


def test_a_name_that_is_taken_or_cannot_be_one_is_refused(home: Path) -> None:
    sample = sources.look_at(EXAMPLES / "ambulance_cad.csv")
    for name, says in (("apc", "already"), ("My Source", "cannot be the name"), ("spell", "has a table 'spell'")):
        with pytest.raises(MistakeError, match=says):
            sources.new_source(name, sample, ANSWERS)
        assert name == "apc" or not (home / "site/sources" / f"{name}.yaml").exists()


def edited(folder: Path, *changes: tuple[str, str], name: str = "new.yaml") -> Path:
    text = (Path(load_contracts()["ecds"].path)).read_text(encoding="utf-8")
    for before, after in changes:
        assert before in text
        text = text.replace(before, after, 1)
    (folder / name).write_text(text, encoding="utf-8")
    return folder / name


TIME = "name: arrival_time, physicalName: ARRIVAL_TIME, logicalType: "
AGREED = "{agreement: artificial data declaration, reviewDate: 2099-12-31}"


@pytest.mark.parametrize(
    ("change", "breaking"),
    [
        (("- {" + TIME + "time}", ""), True),
        (("name: event_date, physicalName: ARRIVAL_DATE", "name: event_date, physicalName: ARRIVED"), True),
        ((TIME + "time", TIME + "string"), True),
        (("{minimum: 0, maximum: 20160}", "{minimum: 0, maximum: 1440}"), True),
        (("{minimum: 0, maximum: 20160}", "{minimum: 0, maximum: 40320}"), False),
        (("lagDays: 5", "lagDays: 9"), True),
        (("property: staleness, value: 21", "property: staleness, value: 28"), False),
        (("commissioning: " + AGREED, ""), True),
    ],
)
def test_a_change_is_breaking_when_what_was_right_no_longer_is(
    tmp_path: Path, change: tuple[str, str], breaking: bool
) -> None:
    old, new = load_contracts()["ecds"], sources._contract_at(edited(tmp_path, change))
    assert [c.breaking for c in changes_between(old, new)] == [breaking]


def test_a_breaking_change_needs_a_higher_first_number_and_any_other_a_higher_version(tmp_path: Path) -> None:
    old = load_contracts()["ecds"]
    breaks = ("lagDays: 5", "lagDays: 9")
    with pytest.raises(VersionRefusedError, match=r"need version 2\.0\.0, not 1\.1\.0"):
        check_version(old, sources._contract_at(edited(tmp_path, breaks, ("version: 1.0.0", "version: 1.1.0"))))
    assert check_version(old, sources._contract_at(edited(tmp_path, breaks, ("version: 1.0.0", "version: 2.0.0"))))
    with pytest.raises(VersionRefusedError, match=r"higher than 1\.0\.0"):
        check_version(old, sources._contract_at(edited(tmp_path, ("value: 21", "value: 28"))))
    assert changes_between(old, old) == []


def test_a_source_is_compared_with_what_the_home_was_last_run_with(home: Path) -> None:
    store = Store.at(home)
    with pytest.raises(MistakeError, match="never run"):
        sources.difference(store, "ecds", None)
    sources.remember_contracts(store)
    assert sources.difference(store, "ecds", None) == []
    made = sources.new_source("ambulance", sources.look_at(EXAMPLES / "ambulance_cad.csv"), ANSWERS)
    sources.remember_contracts(store)
    made.contract.write_text(made.contract.read_text().replace("name: minutes_on_scene", "name: minutes"))
    with pytest.raises(ProblemError, match="column minutes_on_scene: gone"):
        sources.difference(store, "ambulance", None)
    listed = sources.list_sources(store).filter(pl.col("source") == "ambulance").rows(named=True)[0]
    assert (listed["state"], listed["declared by"], listed["purposes"]) == ("never delivered", "site", "none agreed")


PROGRAM = """
import datetime as dt, sys
from pathlib import Path
import duckdb, polars as pl
import features, record
from features import load_features
from tests.deliveries import World
home = Path(sys.argv[1])
world = World(home)
world.deliver("gp_registration", "2026-01-05", [{"nhs_number": n} for n in range(3)], historic=True)
source = world.inbox / "ambulance" / "2026-01-05"
source.mkdir(parents=True)
(source / "delivery.yaml").write_text("historic: true")
from tests.deliveries import nhs_number
rows = ["CAD Number,Call Connect Time,NHS Number,Chief Complaint"]
told = [("03/01/2026", 0, "Falls"), ("04/01/2026", 0, "Chest Pain"), ("05/01/2026", 0, "Falls")]
told.append(("01/06/2025", 1, "Falls"))
rows += [f"A{i},{day} 08:00:00,{nhs_number(n)},{what}" for i, (day, n, what) in enumerate(told)]
(source / "file.csv").write_text("\\n".join(rows) + "\\n")
con = world.connect("gp_registration", "ambulance")
record.open_record(con, lake=world.lake)
week = dt.date(2026, 1, 5)
out = features.build_matrix(con, [week], out=home / "feature")
matrix = pl.read_parquet(out[week])
print(matrix.select("ambulance_falls_90", "ambulance_falls_365").sort("ambulance_falls_365").rows())
features.build_matrix(con, [week], out=home / "forbidden", sources_allowed=["gp_registration"])
print(pl.read_parquet(home / "forbidden" / "week=2026-01-05" / "matrix.parquet")["ambulance_falls_90"].null_count())
"""
FEATURES = """
theme: new services
groups:
  ambulance_fall:
    from: [{table: ambulance, where: "chief_complaint = 'Falls'"}]
features:
  - name: ambulance_falls
    group: ambulance_fall
    measure: count
    windows: [90, 365]
    description: ambulance incidents for a fall
    unit: incidents
"""


@pytest.mark.slow
def test_features_of_a_new_source_are_counted_as_known_and_only_where_agreed(home: Path) -> None:
    sources.new_source("ambulance", sources.look_at(EXAMPLES / "ambulance_cad.csv"), ANSWERS)
    (home / "site/features").mkdir()
    (home / "site/features/new.yaml").write_text(FEATURES)
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(home)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "ANTICIPATE_HOME": str(home)},
        cwd=Path(__file__).parents[2],
    )
    assert done.returncode == 0, done.stderr
    # 3 January was known on the 4th; 4 January on the 5th; the 5th has not happened yet that Monday; one was in June
    assert done.stdout.splitlines() == ["[(0.0, 0.0), (0.0, 1.0), (1.0, 1.0)]", "3"]


@pytest.mark.slow
def test_a_misspelt_code_of_a_new_source_is_found(home: Path) -> None:
    sources.new_source("ambulance", sources.look_at(EXAMPLES / "ambulance_cad.csv"), ANSWERS)
    (home / "site/features").mkdir()
    (home / "site/features/new.yaml").write_text(FEATURES.replace("'Falls'", "'Fallz'"))
    code = "from features import load_features; load_features()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "'Fallz' is no code of 'chief_complaint'" in done.stderr


def test_without_a_site_nothing_is_added(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shipped = set(load_contracts())
    monkeypatch.setenv("ANTICIPATE_SITE", str(tmp_path / "site"))
    assert set(load_contracts()) == shipped
    shutil.copytree(EXAMPLES, tmp_path / "site" / "sources")
    assert set(load_contracts()) == shipped
