"""Training of the model that finds people in a state that nobody has coded: fitted, tested on codes, kept, told."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from models import boosting, evaluation, fingerprints, gate, hidden, registry
from models.card import write_card
from models.drift import training_bins
from models.fitting import Material
from models.limits import load_limits
from models.panel import Part

UNCONFIRMED = "first model, not yet validated"


def train_hidden(material: Material, model_folder: Path, *, week: dt.date, account: str) -> str:
    """Trains, keeps and, where its chance of a code is calibrated, promotes the model; its id.

    It is tested on what is recorded: whether a code is there. Whether the people it finds are in the state, only those
    who looked can say; so it never counts as validated here.

    Raises:
        ModelError: too few people are coded.
    """
    state = hidden.load_hidden()
    learned = hidden.fit(state, material.learn, material.declared, threads=material.threads)
    measured, tests = _measure(state, learned, material)
    candidate = learned.candidate
    names = list(candidate.features)
    values = state.among(material.learn, material.names).values[:, [material.names.index(name) for name in names]]
    model_id, _ = registry.keep(
        model_folder,
        candidate,
        about=_about(state, learned, material),
        metrics={"metrics": measured, "share_coded": learned.share_coded, "gate": [vars(t) for t in tests]},
        bins=training_bins(names, values),
    )
    passed = all(t.passed for t in tests)
    reasons = tuple(t.says for t in tests)
    write_card(model_folder, model_id, status=UNCONFIRMED if passed else "not promoted", reasons=reasons)
    if passed:
        by = f"the gate, run by {account}" if account else "the gate"
        promotion = registry.Promotion(state.name, f"{week:%Y-%m-%d}", model_id, UNCONFIRMED, reasons, decided_by=by)
        registry.promote(model_folder, promotion)
    return model_id


def _measure(
    state: hidden.HiddenState, learned: hidden.Learned, material: Material
) -> tuple[dict[str, dict[str, float]], list[gate.Test]]:
    """How well the chance of a code fits people not seen, and how many are expected beside those coded.

    The chance of a code is the one before it is divided by the share coded: that of the state ends at 1, and then tells
    too little of people whose practice codes more than others.
    """
    check = state.among(material.check, material.names)
    coded = hidden.label_of(check.values, material.names, state.label)
    of_code, of_state = (
        c.predict(material.names, check.values, threads=material.threads)
        for c in (replace(learned.candidate, share_coded=1.0), learned.candidate)
    )
    rows = evaluation.TestRows(coded, np.ones(len(coded)), check.practice)
    found = evaluation.brief(of_code, rows)
    share = learned.candidate.share_coded
    uncoded = hidden.of_uncoded(of_state, coded, check.keys["practice_code"], share)
    draws = rows.draws()
    expected = evaluation.by_practice(rows, np.nan_to_num(uncoded), draws)
    found["expected_without_code_per_coded"] = expected / np.maximum(evaluation.by_practice(rows, coded, draws), 1e-9)
    measured = evaluation.summary(found)
    if int(coded.sum()) < load_limits().fewest_events:
        few = f"{int(coded.sum())} coded among the test rows: fewer than {load_limits().fewest_events}, not judged"
        return measured, [gate.Test("events", None, few)]
    return measured, gate.calibrated(measured)


def _about(state: hidden.HiddenState, learned: hidden.Learned, material: Material) -> dict[str, Any]:
    return {
        "outcome": {
            "name": state.name,
            "title": state.title,
            "definition": state.definition,
            "action": state.action,
            "label": state.label,
            "blind_to": state.blind_to,
        },
        "data_date": f"{material.data_date:%Y-%m-%d}",
        "declarations": material.declared.fingerprint,
        "made_by": fingerprints.of_making(),
        "codelists": [f"{name} ({version})" for name, version in material.declared.codelist_versions.items()],
        "parameters": boosting.parameters(len(material.learn.values)) | {"rounds": boosting.ROUNDS},
        "train": {**_rows(material.learn), "events": learned.coded},
        "test": {**_rows(material.check), "events": _coded(state, material)},
        "importance": boosting.importance(learned.candidate.model_text),
    }


def _rows(part: Part) -> dict[str, Any]:
    return {"person_weeks": len(part.values), "rows": fingerprints.of_rows(part)}


def _coded(state: hidden.HiddenState, material: Material) -> int:
    return int(hidden.label_of(material.check.values, material.names, state.label).sum())
