"""Lives to deliveries: the historic one and the weekly ones after it, each with what was known by its day.

A population is cut into parts of a fixed number of people; a worker makes one part, chunk by chunk, and writes its
rows of every delivery as pieces; the pieces are joined. Bytes do not depend on chunks or workers.
"""

from __future__ import annotations

import datetime as dt
import multiprocessing
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import polars as pl

from data_contracts.contract import Contract, load_contracts
from synthetic import (
    emit_attendance,
    emit_community,
    emit_gp,
    emit_hospital,
    emit_medicine,
    emit_mental_health,
    emit_registers,
    emit_social_care,
    number,
    referred,
    rng,
    rules,
    submit,
    truth,
    write,
)
from synthetic.act import Acts, acts, read_contacts
from synthetic.course import begin, live
from synthetic.life import Life
from synthetic.people import BLOCK, make, nhs_numbers
from synthetic.plan import PART, Manifest, Plan, first_day
from synthetic.publish import publish
from synthetic.rng import I64

DAILY = ("inpatient_snapshot",)
RETURN_DAYS = 42  # a social-care return is due six weeks after its quarter
Frames = Iterator[tuple[str, pl.DataFrame]]


def generate(
    out_inbox: Path,
    *,
    people: int,
    seed: int = 1,
    last_delivery: dt.date = dt.date(2026, 2, 23),
    years: int = 6,
    weekly_deliveries: int = 4,
    fault_rate: float = 0.0005,
    truth_folder: Path | None = None,
    chunk: int = 24 * BLOCK,
    part: int = PART,
    workers: int | None = None,
    progress: Callable[[int, int], None] | None = None,
    contacts: Path | None = None,
    parquet: bool = False,
    broken_files: bool = False,
    risk_weeks: Sequence[dt.date] = (),
    replicates: int = 200,
) -> Manifest:
    """Writes an artificial county as deliveries under ``out_inbox/<source>/<received>/``.

    Args:
        out_inbox: an inbox; dated folders are added to it.
        people: how many are registered at any time (about one in five more appear and leave).
        seed: same seed, same bytes.
        last_delivery: a Monday.
        years: of history in all sources before the historic delivery (GP records are lifelong).
        weekly_deliveries: Mondays after the historic delivery.
        fault_rate: share of rows spoiled on purpose; 0 for none.
        truth_folder: folder for true states and the manifest; default ``truth`` beside the inbox, never inside it.
        chunk: people made at once, a multiple of 1,024; memory, not results, depends on it.
        part: people of one part, whole chunks: one file of each large source, one task of a worker.
        workers: processes; default one per part, at most the machine's cores.
        progress: called with parts done and parts in all.
        contacts: file of outreach contacts (``act.CONTACT_COLUMNS``) that change the lives after them; everything
            before the first contact stays byte for byte what it is without.
        parquet: deliver Parquet in place of text.
        broken_files: also send files spoilt as a whole; listed with row 0.
        risk_weeks: Mondays at which true risks are written to ``truth/risk`` (65 and over).
        replicates: futures lived for each true risk.

    Returns:
        What was written; also in ``truth/manifest.json`` and ``truth/fault.csv``.

    Raises:
        ValueError: the last delivery is no Monday, truth lies inside the inbox, the contacts cannot be read, or a risk
            week is no Monday of the span.
    """
    if last_delivery.weekday() != 0:
        raise ValueError(f"The last delivery has to be a Monday; {last_delivery} is not.")
    folder = truth_folder or out_inbox.parent / "truth"
    if folder.resolve().is_relative_to(out_inbox.resolve()):
        raise ValueError("The true states may not lie inside the inbox.")
    begins = first_day(last_delivery, years, weekly_deliveries)
    plan = Plan(
        people,
        seed,
        begins,
        last_delivery,
        weekly_deliveries,
        fault_rate,
        chunk,
        part,
        contacts=contacts,
        parquet=parquet,
        risk_weeks=tuple(risk_weeks),
        replicates=replicates,
    )
    _check(plan)
    staging = folder / ".pieces"
    shutil.rmtree(staging, ignore_errors=True)
    pieces: list[write.Piece] = []
    parts = range(-(-plan.count // plan.part))
    for done, made in enumerate(_run_parts(plan, parts, staging, workers), start=1):
        pieces += made
        if progress:
            progress(done, len(parts))
    pieces += emit_registers.reference_pieces(plan, staging)
    received = [plan.date(plan.history + 7 * k) for k in range(plan.weekly + 1)]
    manifest = Manifest(people, plan.count, seed, begins, received, folder)
    publish(plan, pieces, out_inbox, manifest, broken=broken_files)
    shutil.rmtree(staging, ignore_errors=True)
    return manifest


def _check(plan: Plan) -> None:
    if plan.contacts:
        read_contacts(plan.contacts, rules.load())
    for monday in plan.risk_weeks:
        if monday.weekday() != 0 or not plan.first_day < monday <= plan.last_delivery:
            raise ValueError(f"{monday} is no Monday between {plan.first_day} and {plan.last_delivery}.")


def _run_parts(plan: Plan, parts: range, staging: Path, workers: int | None) -> Iterator[list[write.Piece]]:
    workers = min(workers or os.cpu_count() or 1, len(parts))
    if workers <= 1:
        for part in parts:
            yield make_part(plan, part, staging)
        return
    with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn")) as pool:
        futures = [pool.submit(make_part, plan, part, staging) for part in parts]
        for future in futures:
            yield future.result()


def make_part(plan: Plan, part: int, staging: Path) -> list[write.Piece]:
    """One part of the people, lived and written as pieces of every delivery; returns the pieces."""
    contracts = load_contracts()
    writers: dict[tuple[str, int], write.PieceWriter] = {}
    true_states: list[dict[str, pl.DataFrame]] = []
    stop = min((part + 1) * plan.part, plan.count)
    for start in range(part * plan.part, stop, plan.chunk):
        life = make_life(plan, start, min(start + plan.chunk, stop))
        true_states.append(truth.states(life))
        for source, day, frame in _delivered(plan, life, contracts):
            if (source, day) not in writers:
                path = staging / source / f"{day}" / f"{part:04d}.csv"
                writers[source, day] = write.PieceWriter(
                    contracts[source],
                    plan.date(day),
                    path,
                    rate=plan.fault_rate,
                    turn=day - plan.history,
                    ragged=not plan.parquet,
                )
            # The GP rows of someone who objects are withheld before any rule is applied: no fault of theirs is found.
            spared = emit_gp.objects(life) if contracts[source].gp_record else None
            writers[source, day].append(number.as_sent(frame, life, day, source), life.people.key, spared)
        _write_risks(plan, life, staging.parent / "risk", start)
    truth.write_states(true_states, staging.parent / "state", part)
    return [w.close() for w in writers.values()]


def _write_risks(plan: Plan, life: Life, folder: Path, start: int) -> None:
    for monday in plan.risk_weeks:
        week = (monday - plan.first_day).days // 7
        risk = truth.true_risk(
            life.people, life.world, life.numbers, plan.first_day, week=week, replicates=plan.replicates
        )
        target = folder / monday.isoformat() / f"{start:08d}.parquet"
        target.parent.mkdir(parents=True, exist_ok=True)
        risk.sort("nhs_number").write_parquet(target, compression="zstd")


def make_life(plan: Plan, start: int, stop: int) -> Life:
    """People ``start`` to ``stop``, lived to the last delivery and ready to be written down."""
    world = plan.world()
    people = make(start, stop, count=plan.count, seed=plan.seed, days=plan.days, rules=world.rules)
    numbers = nhs_numbers(people.index, count=plan.count, seed=plan.seed)
    old = number.old_numbers(people, world.rules, plan)
    told = _acts(plan, world.rules, old, numbers)
    course = live(people, begin(people, world), world, world.weeks, acts=told)
    life = Life(people, course, world, numbers, plan.first_day, plan.history, old_numbers=old)
    life.changed_on = number.change_days(life)
    life.elective = emit_hospital.elective(life)
    return life


def _acts(plan: Plan, declared: rules.Rules, old: I64, numbers: I64) -> Acts | None:
    """The contacts of a run of people, under whichever number a person was listed."""
    if plan.contacts is None:
        return None
    renamed = {int(a): int(b) for a, b in zip(old[old > 0], numbers[old > 0], strict=True)}
    told = read_contacts(plan.contacts, declared).with_columns(pl.col("nhs_number").replace(renamed))
    return acts(told, numbers, plan.first_day, declared)


def _delivered(plan: Plan, life: Life, contracts: dict[str, Contract]) -> Iterator[tuple[str, int, pl.DataFrame]]:
    """(source, day received, rows) of every delivery in which these lives appear."""
    mondays = [plan.history + 7 * k for k in range(plan.weekly + 1)]
    for source, frame in _growing(life):
        known = frame["_known"].to_numpy()
        days = mondays if source not in DAILY else [plan.history, *range(plan.history + 1, plan.days + 1)]
        before = -(2**40)
        for day in days:
            news = frame.filter(pl.Series((known > before) & (known <= day)))
            again = corrections(source, frame, life, day, plan) if day > plan.history else news.clear()
            yield (
                source,
                day,
                pl.concat([news, again]).sort("_person", "_day", maintain_order=True) if again.height else news,
            )
            before = day
    for day in mondays:
        lag = emit_registers.TOLD if day == plan.history else 0
        yield "gp_registration", day, emit_registers.registration_frame(life, day, lag=lag)
        yield "national_opt_out", day, emit_registers.opt_out_frame(life, day)
    yield from number.changes(life, mondays)
    yield from _client_level(plan, life, mondays)


def _client_level(plan: Plan, life: Life, mondays: list[int]) -> Iterator[tuple[str, int, pl.DataFrame]]:
    """The social-care return: six years at first, then a rolling year for each quarter that falls due."""
    table = emit_social_care.events(life)
    sent = -(2**30)
    for monday in mondays:
        ends = submit.quarter_ends(plan.first_day, plan.date(monday) - dt.timedelta(days=RETURN_DAYS))
        last = (ends[-1] - plan.first_day).days if ends else sent
        if last > sent:
            year_before = ends[-1].replace(year=ends[-1].year - 1) if monday > plan.history else None
            start = (year_before - plan.first_day).days + 1 if year_before else 0
            yield "cld", monday, emit_social_care.client_level_frame(life, table, start, last, monday)
            sent = last


def _growing(life: Life) -> Frames:
    """Sources that send what is new, with the day from which each row can be known."""
    contact = emit_gp.contacts(life)
    yield "gp_event", emit_gp.event_frame(life, contact)
    yield "gp_appointment", emit_gp.appointment_frame(life, contact)
    yield "apc", emit_hospital.episode_frame(life)
    yield "ecds", emit_attendance.attendance_frame(life)
    yield "outpatient", emit_attendance.outpatient_frame(life)
    yield "inpatient_snapshot", emit_attendance.snapshot_frame(life)
    yield "gp_medication", emit_medicine.medication_frame(life)
    table = referred.referrals(life)
    seen = emit_community.contacts(life, table)
    yield "csds_referral", emit_community.referral_frame(life, table)
    yield "csds_service_type", emit_community.service_frame(life, table)
    yield "csds_waiting_time", emit_community.clock_frame(life, table)
    contact_rows, activity = emit_community.contact_frames(life, table, seen)
    yield "csds_care_contact", contact_rows
    yield "csds_care_activity", activity
    yield "csds_assessment", emit_community.assessment_frame(life, table, seen)
    yield "csds_care_plan", emit_community.plan_frame(life, table)
    table = emit_mental_health.referrals(life)
    yield "mhsds_referral", emit_mental_health.referral_frame(life, table)
    yield "mhsds_care_contact", emit_mental_health.contact_frame(life, table)


def corrections(source: str, frame: pl.DataFrame, life: Life, day: int, plan: Plan) -> pl.DataFrame:
    """Rows sent in the last ten weeks that are sent again changed or withdrawn: about one in 250."""
    rule = CORRECTED.get(source)
    if rule is None:
        return frame.clear()
    known = frame["_known"].to_numpy()
    recent = frame.filter(pl.Series((known > day - 77) & (known <= day - 7)))
    person = recent["_person"].to_numpy()
    ordinal = np.arange(len(person)) - np.searchsorted(person, person, side="left")
    u = rng.uniform(life.people.key[person], "corrected " + source, ordinal * 64 + (day - plan.history))
    return rule(recent.filter(pl.Series(u < 0.004)))


def _withdrawn(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.with_columns(is_deleted=pl.lit(value=True))


def _other_secondary(frame: pl.DataFrame) -> pl.DataFrame:
    """An episode recoded after validation: the second diagnosis becomes the third's, the third goes."""
    return frame.with_columns(diagnosis_2=pl.col("diagnosis_3"), diagnosis_3=pl.lit(None, dtype=pl.String))


#: what a corrected row of each source looks like
CORRECTED: dict[str, Callable[[pl.DataFrame], pl.DataFrame]] = {
    "gp_event": _withdrawn,
    "gp_medication": _withdrawn,
    "gp_appointment": _withdrawn,
    "apc": _other_secondary,
    "ecds": lambda f: f.with_columns(departure_minutes=pl.col("departure_minutes") + 25),
}
