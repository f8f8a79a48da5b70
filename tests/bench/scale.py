"""The whole path at the size of a board, stage by stage, beside the floor measured in the same run.

    python -m tests.bench.scale --people 1060000 --home /path/with/space

The floor is DuckDB reading the same delivered files as text and writing them as zstd Parquet, same threads, median of
three. Every stage runs in a process of its own, so that its CPU time and peak memory are its own. Prints a table and
writes it as JSON beside the home.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import resource
import shutil
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

STEPS = (
    "conform",
    "record",
    "feature",
    "model",
    "score",
    "weekly_list",
    "list__register",
    "marts",
    "population",
    "publication",
)


def main() -> None:
    """Generates, measures the floor, runs the first load and one weekly delivery, and prints what each stage took."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=1_060_000)
    parser.add_argument("--years", type=int, default=6)
    parser.add_argument("--home", type=Path, default=Path("home-scale"))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--floors", type=int, default=3, help="how often the floor is measured")
    parser.add_argument("--reuse", action="store_true", help="take the deliveries that an earlier call made")
    parser.add_argument("--stage", help=argparse.SUPPRESS)
    parser.add_argument("--week", help=argparse.SUPPRESS)
    parser.add_argument("--skip", default="", help="stages to leave out, by comma")
    given = parser.parse_args()
    if given.stage:
        _run_stage(given)
        return
    outgoing = given.home / "outgoing"
    rows = [] if given.reuse and outgoing.exists() else [_measure(given, "generate")]
    days = sorted({p.name for p in outgoing.glob("*/????-??-??")})
    floors = sorted((_measure(given, "floor") for _ in range(given.floors)), key=lambda f: float(f["wall"]))
    rows.append({**floors[len(floors) // 2], "stage": f"floor (median of {given.floors})"})
    _print(rows[-1:])
    skip = set(given.skip.split(","))
    for load, received, stages in (("first", days[:-1], STEPS), ("weekly", days[-1:], STEPS)):
        for day in received:
            _deliver(outgoing, given.home / "inbox", day)
        week = _monday_not_after(dt.date.fromisoformat(received[-1]))
        for stage in (s for s in stages if s not in skip):
            rows.append({"load": load, **_measure(given, stage, week=week.isoformat())})
            _print(rows[-1:])
    _print(rows)
    out = given.home / "scale.json"
    out.write_text(json.dumps({"people": given.people, "cores": os.cpu_count(), "rows": rows}, indent=1))


def _measure(given: argparse.Namespace, stage: str, week: str = "") -> dict[str, object]:
    call = [sys.executable, "-m", "tests.bench.scale", "--stage", stage, "--home", str(given.home), "--week", week]
    call += ["--people", str(given.people), "--years", str(given.years), "--seed", str(given.seed)]
    started = time.perf_counter()
    done = subprocess.run(call, check=True, stdout=subprocess.PIPE, text=True)
    report = json.loads(done.stdout.strip().splitlines()[-1])
    return {"stage": stage, "wall": round(time.perf_counter() - started, 1), **report}


def _run_stage(given: argparse.Namespace) -> None:
    counted = STAGES[given.stage](given) or {}
    used = resource.getrusage(resource.RUSAGE_SELF)
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = used.ru_utime + used.ru_stime + children.ru_utime + children.ru_stime
    print(json.dumps({"cpu": round(cpu, 1), "peak_gib": round(used.ru_maxrss / 2**20, 2), **counted}))


def _generate(given: argparse.Namespace) -> dict[str, int]:
    import synthetic

    shutil.rmtree(given.home, ignore_errors=True)
    outgoing = given.home / "outgoing"
    synthetic.generate(outgoing, people=given.people, seed=given.seed, years=given.years, weekly_deliveries=2)
    return {"megabytes": sum(p.stat().st_size for p in outgoing.rglob("*") if p.is_file()) // 2**20}


def _floor(given: argparse.Namespace) -> dict[str, int]:
    from data_contracts.contract import load_contracts
    from pipelines.store import Store

    target = given.home / "floor"
    target.mkdir(parents=True, exist_ok=True)
    with Store.at(given.home).compute() as con:
        for contract in load_contracts().values():
            files = (p for p in (given.home / "outgoing" / contract.id).rglob("*.*") if p.suffix != ".yaml")
            for i, path in enumerate(sorted(files)):
                con.execute(
                    f"copy (select * from {_as_text(path, contract.delimiter)}) "
                    f"to '{target / f'{contract.id}-{i}.parquet'}' (format parquet, compression zstd)"
                )
    size = sum(p.stat().st_size for p in target.iterdir()) // 2**20
    shutil.rmtree(target)
    return {"megabytes": size}


def _as_text(path: Path, delimiter: str) -> str:
    """The file as DuckDB alone would read it; a zip, which it cannot, is unpacked first."""
    if path.suffix == ".parquet":
        return f"read_parquet('{path}')"
    if path.suffix == ".zip":
        with zipfile.ZipFile(path) as archive:
            path = Path(archive.extract(archive.namelist()[0], path.parents[3] / "unpacked"))
    return (
        f"read_csv('{path}', all_varchar = true, header = true, delim = '{delimiter}', quote = '\"', escape = '\"', "
        "ignore_errors = true)"
    )


def _step(given: argparse.Namespace) -> dict[str, int]:
    """One step of the weekly Dagster job, with the assets that it makes."""
    from pipelines.dagster_home import open_instance, prepare_dagster
    from pipelines.definitions import defs
    from pipelines.store import Store

    os.environ["ANTICIPATE_HOME"] = str(given.home)
    store = Store.at(given.home).prepare()
    prepare_dagster(store)
    job = defs.resolve_job_def("weekly")
    made = [a.keys for a in defs.assets or () if a.op.name == given.stage]
    if not made:  # an empty selection would run the whole job
        raise SystemExit(f"no step of the weekly job is called {given.stage!r}")
    with open_instance(store) as instance:
        result = job.execute_in_process(
            instance=instance,
            partition_key=given.week,
            asset_selection=[key for keys in made for key in keys],
            run_config={"loggers": {"console": {}}},
        )
    return {"succeeded": int(result.success)}


def _deliver(outgoing: Path, inbox: Path, day: str) -> None:
    for folder in outgoing.glob(f"*/{day}"):
        target = inbox / folder.relative_to(outgoing)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(folder, target)


def _monday_not_after(day: dt.date) -> dt.date:
    return day - dt.timedelta(days=day.weekday())


def _print(rows: list[dict[str, object]]) -> None:
    for row in rows:
        load, extra = row.get("load", ""), {k: v for k, v in row.items() if k not in _SHOWN}
        print(f"{load:7} {row['stage']:20} {row['wall']:>8} s {row['cpu']:>8} cpu s {row['peak_gib']:>6} GiB  {extra}")


_SHOWN = {"load", "stage", "wall", "cpu", "peak_gib"}
STAGES: dict[str, Callable[[argparse.Namespace], dict[str, int] | None]] = {
    "generate": _generate,
    "floor": _floor,
    **dict.fromkeys(STEPS, _step),
}

if __name__ == "__main__":
    main()
