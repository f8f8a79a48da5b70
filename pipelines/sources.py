"""New sources and what is known of those there are: scaffold, check, comparison of versions, list."""

from __future__ import annotations

import csv
import datetime as dt
import re
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from data_contracts import site
from data_contracts.compare import Change, VersionRefusedError, check_version
from data_contracts.contract import SOURCES, Contract, ContractError, load_contracts
from data_contracts.ledger import FATES, DeliveryLedger, read_ledger, write_text_safely
from data_contracts.sample import Sample, SampleError, read_sample
from data_contracts.scaffold import EXAMPLE_RECEIVED, PURPOSES, Answers, Scaffold, example_text, write_scaffold
from pipelines.errors import MistakeError, ProblemError
from pipelines.store import Store
from record import plain_tables

_KEPT_VERSIONS = "contract"
_TEST = '''"""The contract of {name} reads its example, and sets a damaged row aside."""

from data_contracts.contract import load_contracts
from pipelines.sources import read_example

CONTRACT = load_contracts()["{name}"]


def test_every_row_of_the_example_is_accepted() -> None:
    entry = read_example(CONTRACT)
    assert (entry.fate, entry.accepted, entry.quarantined) == ("accepted", entry.records, 0), entry.faults
    assert entry.records > 0


def test_a_row_with_an_impossible_date_is_set_aside_and_its_neighbours_are_kept() -> None:
    entry = read_example(CONTRACT, spoil="{event_date}")
    assert (entry.quarantined, entry.accepted) == (1, entry.records - 1)
'''


@dataclass(frozen=True)
class NewSource:
    """Files written for a new source, and what was proposed."""

    contract: Path
    example: Path
    test: Path
    scaffold: Scaffold


def look_at(path: Path) -> Sample:
    """What a sample file seems to hold.

    Raises:
        MistakeError: there is no such file, or it cannot be read as a table.
    """
    if not path.is_file():
        raise MistakeError(f"There is no file {path}.")
    try:
        return read_sample(path)
    except SampleError as problem:
        raise MistakeError(str(problem)) from None


def new_source(name: str, sample: Sample, answers: Answers) -> NewSource:
    """Write contract, artificial example and test of a new source into the site's folder.

    Raises:
        MistakeError: the name is taken or cannot be one, an answer does not fit, or no site folder is named.
    """
    place = site.folder()
    if place is None:
        raise MistakeError("Name a home with --home, or a folder with ANTICIPATE_SITE.")
    if not re.fullmatch("[a-z][a-z0-9_]{1,40}", name):
        raise MistakeError(f"{name!r} cannot be the name of a source: small letters, digits and underscores.")
    if name in load_contracts():
        raise MistakeError(f"There is a source {name!r} already: {load_contracts()[name].path}.")
    place_of = {"sources": f"{name}.yaml", "examples": f"{name}.csv", "tests": f"test_{name}.py"}
    contract_path, example, test = (place / folder / file for folder, file in place_of.items())
    try:
        scaffold = write_scaffold(name, sample, answers)
        _add_codes(place, scaffold)
        write_text_safely(contract_path, scaffold.contract)
        contract = load_contracts()[name]
        plain_tables()
    except ContractError as problem:
        contract_path.unlink(missing_ok=True)
        raise MistakeError(str(problem)) from None
    write_text_safely(example, example_text(contract))
    write_text_safely(test, _TEST.format(name=name, event_date=answers.event_date))
    return NewSource(contract_path, example, test, scaffold)


def _add_codes(place: Path, scaffold: Scaffold) -> None:
    path = place / "code_value.csv"
    rows: list[tuple[str, ...]] = []
    if path.exists():
        with path.open(encoding="utf-8", newline="") as stream:
            rows = [tuple(row) for row in csv.reader(stream)][1:]
    fresh = {code[0] for code in scaffold.codes}
    rows = [r for r in rows if r[0] not in fresh] + list(scaffold.codes)
    place.mkdir(parents=True, exist_ok=True)
    waiting = path.with_name(f".{path.name}.partial")
    with waiting.open("w", encoding="utf-8", newline="") as out:
        csv.writer(out, lineterminator="\n").writerows([("set", "code", "label", "source"), *rows])
    waiting.replace(path)


@dataclass(frozen=True)
class Checked:
    """What was looked at for one contract; ``problem`` is empty when it holds."""

    source: str
    version: str
    columns: int
    example: str
    problem: str = ""


def check_sources(names: list[str] | None = None) -> list[Checked]:
    """Validate contracts against ODCS 3.1, against their own words, and read their examples.

    Raises:
        MistakeError: a name is no source, or a contract cannot be read at all.
    """
    try:
        contracts = load_contracts()
    except (ContractError, KeyError, ValueError, AttributeError) as problem:
        raise MistakeError(f"A contract cannot be read: {problem}") from None
    if unknown := sorted(set(names or ()) - set(contracts)):
        raise MistakeError(f"There is no source {unknown[0]!r}; `anticipate source list` names them.")
    return [_checked(c) for c in contracts.values() if not names or c.id in names]


def _checked(contract: Contract) -> Checked:
    example = example_of(contract)
    said = "none" if example is None else example.name
    problem = _odcs_problem(contract)
    if not problem and example is not None:
        entry = read_example(contract)
        said = f"{entry.accepted} of {entry.records} rows accepted"
        if entry.fate != "accepted" or entry.accepted < entry.records:
            problem = entry.message or f"the example breaks {', '.join(entry.faults)}"
    return Checked(contract.id, contract.version, len(contract.columns), said, problem)


def _odcs_problem(contract: Contract) -> str:
    from open_data_contract_standard.model import OpenDataContractStandard
    from pydantic import ValidationError

    try:
        said = OpenDataContractStandard.from_file(str(contract.path))
    except (ValidationError, ValueError) as problem:
        return f"not a valid Open Data Contract: {str(problem).splitlines()[0]}"
    if said.apiVersion != "v3.1.0":
        return f"apiVersion is {said.apiVersion}, expected v3.1.0"
    named = [table.name for table in said.schema_ or []]
    return "" if named == [contract.path.stem] == [contract.id] else "file, id and schema must have the same name"


def example_of(contract: Contract) -> Path | None:
    """The site's example of a source, where there is one."""
    path = contract.path.parents[1] / "examples" / f"{contract.id}.csv"
    return path if path.exists() else None


def read_example(contract: Contract, *, spoil: str | None = None) -> DeliveryLedger:
    """Read a source's example as if it had been delivered, in a folder that is gone afterwards.

    Args:
        contract: a source with an example.
        spoil: name of a column whose first value is made impossible before reading.
    """
    import duckdb

    from data_contracts.conform import conform_source
    from data_contracts.identity import Vault

    example = example_of(contract)
    if example is None:
        raise MistakeError(f"{contract.id} has no example.")
    with tempfile.TemporaryDirectory() as scratch:
        home = Path(scratch)
        target = home / "inbox" / contract.id / EXAMPLE_RECEIVED.isoformat() / example.name
        target.parent.mkdir(parents=True)
        shutil.copyfile(example, target)
        if spoil:
            _spoil(target, contract, spoil)
        with duckdb.connect() as con:
            (entry,) = conform_source(
                con, contract, inbox=home / "inbox", lake=home / "lake", vault=Vault(home / "vault", b"example" * 8)
            )
    return entry


def _spoil(path: Path, contract: Contract, column: str) -> None:
    with path.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.reader(stream, delimiter=contract.delimiter))
    rows[1][rows[0].index(contract.column(column).header)] = "impossible"
    with path.open("w", encoding="utf-8", newline="") as out:
        csv.writer(out, delimiter=contract.delimiter, lineterminator="\n").writerows(rows)


def remember_contracts(store: Store) -> None:
    """Keep the text of every contract that a run reads by, once a version: the last good one can be looked up."""
    for contract in load_contracts().values():
        kept = store.lake / _KEPT_VERSIONS / contract.id / f"{contract.version}.yaml"
        if not kept.exists():
            write_text_safely(kept, contract.path.read_text(encoding="utf-8"))


def difference(store: Store, old: str, new: str | None) -> list[Change]:
    """Changes from one version to another, refused where the version number does not admit them.

    Args:
        store: the home, which keeps the versions that it was run with.
        old: a contract file, or the name of a source: the version that the home was last run with.
        new: a contract file; for a source's name the one in force.

    Raises:
        MistakeError: a file is missing or no contract.
        ProblemError: breaking changes without a higher first number.
    """
    earlier = _contract_at(Path(old)) if old.endswith(".yaml") else _last_kept(store, old)
    later = _contract_at(Path(new)) if new else load_contracts()[earlier.id]
    try:
        return check_version(earlier, later)
    except VersionRefusedError as problem:
        raise ProblemError(str(problem)) from None


def _last_kept(store: Store, name: str) -> Contract:
    kept = sorted(
        (store.lake / _KEPT_VERSIONS / name).glob("*.yaml"), key=lambda p: tuple(int(n) for n in p.stem.split("."))
    )
    if name not in load_contracts():
        raise MistakeError(f"There is no source {name!r}; `anticipate source list` names them.")
    if not kept:
        raise MistakeError(f"{store.home} was never run with a contract {name!r}; name two files instead.")
    return _contract_at(kept[-1])


def _contract_at(path: Path) -> Contract:
    """A contract from a file of its own; one that extends another finds that one among those shipped."""
    if not path.is_file():
        raise MistakeError(f"There is no file {path}.")
    with tempfile.TemporaryDirectory() as scratch:
        text = path.read_text(encoding="utf-8")
        (Path(scratch) / "0.yaml").write_text(text, encoding="utf-8")
        if parent := re.search(r"property: extends, value: (\w+)", text):
            shutil.copyfile(SOURCES / f"{parent[1]}.yaml", Path(scratch) / "1.yaml")
        try:
            found = load_contracts(Path(scratch))
        except (ContractError, KeyError, TypeError) as problem:
            raise MistakeError(f"{path} cannot be read as a contract: {problem}") from None
    return next(c for c in found.values() if not parent or c.id != parent[1])


def list_sources(store: Store) -> pl.DataFrame:
    """One row a source: owner, cadence, limit, newest delivery, days since the one before, volume, purposes."""
    ledger = read_ledger(store.lake).filter((pl.col("fate") != "rejected") & (pl.col("received").dt.year() > 1970))
    counted = {
        row["source"]: row
        for row in ledger.group_by("source")
        .agg(pl.col("received").max(), pl.len().alias("files"), pl.col("records").sum(), pl.col(FATES[0]).sum())
        .rows(named=True)
    }
    newest = ledger["received"].max()
    rows = []
    for contract in load_contracts().values():
        told = counted.get(contract.id, {})
        received = told.get("received")
        age = (newest - received).days if isinstance(newest, dt.date) and received else None
        rows.append(
            {
                "source": contract.id,
                "version": contract.version,
                "owner": contract.controller,
                "every (days)": contract.frequency_days,
                "limit (days)": contract.staleness_days,
                "newest": received,
                "age (days)": age,
                "state": _state(contract, age),
                "files": told.get("files"),
                "rows": told.get("records"),
                "columns": len(contract.stored),
                "purposes": _purposes(contract),
                "declared by": "product" if contract.path.parent == SOURCES else "site",
            }
        )
    schema = {
        "newest": pl.Date, "age (days)": pl.Int64, "files": pl.Int64, "rows": pl.Int64, "limit (days)": pl.Int64
    }  # fmt: skip
    return pl.DataFrame(rows, schema_overrides=schema)


def _purposes(contract: Contract) -> str:
    names = [p.name for p in contract.purposes]
    return "all" if set(names) >= set(PURPOSES) else ", ".join(names) or "none agreed"


def _state(contract: Contract, age: int | None) -> str:
    if age is None:
        return "never delivered"
    if contract.staleness_days is not None and age > contract.staleness_days:
        return "stale"
    return "late" if age > 1.5 * contract.frequency_days else "fresh"
