"""Kept models: content-addressed folders, and the record of which was promoted from which week on.

``<model folder>/<model id>/`` holds ``about.json``, ``metrics.json``, the model itself and its cards; ``manifest.json``
has the SHA-256 of every file. The id is the hash of everything but the cards, so the same data, code and declarations
give the same folder. ``registry.json`` lists promotions by index week: a week is scored by the model promoted on or
before it.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from models.candidate import Candidate
from models.errors import ModelError

REGISTRY = "registry.json"
BINS = "bins.json"
PREDICTIONS = "predictions.parquet"
DECISION = "decision.json"
CORE = ("about.json", "metrics.json", BINS)
ID_LENGTH = 16


@dataclass(frozen=True)
class Promotion:
    """From that Monday on, the model scores the outcome.

    Attributes:
        reasons: what the gate said, in sentences.
        decided_by: the account that promoted it, or under which the gate did.
        why: in that person's words; empty when the gate decided.
        overridden: tests of the gate that it had not passed and that the person overrode.
    """

    outcome: str
    week: str
    model_id: str
    status: str
    reasons: tuple[str, ...]
    decided_by: str = ""
    why: str = ""
    overridden: tuple[str, ...] = ()


@dataclass(frozen=True)
class Challenger:
    """From that Monday on, the model scores the outcome in shadow: kept to compare, and on no list."""

    outcome: str
    week: str
    model_id: str


@dataclass(frozen=True)
class Kept:
    """A model as read from its folder, after its files were checked."""

    model_id: str
    folder: Path
    about: dict[str, Any]
    metrics: dict[str, Any]
    candidate: Candidate


def keep(
    model_folder: Path,
    candidate: Candidate,
    *,
    about: Mapping[str, Any],
    metrics: Mapping[str, Any],
    bins: Mapping[str, Any] | None = None,
) -> tuple[str, Path]:
    """Writes the model into the folder of its content; writing the same again changes nothing.

    ``bins`` are those of the features it learnt from, to watch for drift.

    Returns:
        model id and folder.
    """
    files = {
        **candidate.files(),
        "about.json": _json({**about, "kind": candidate.name}),
        "metrics.json": _json(metrics),
        **({BINS: _json(bins)} if bins is not None else {}),
    }
    model_id = _content_id(files)
    folder = model_folder / model_id
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        write_safely(folder / name, text)
    write_manifest(folder, model_id)
    return model_id, folder


def write_manifest(folder: Path, model_id: str) -> None:
    """Lists every file of a model folder with its SHA-256; call again after a card was written."""
    files = {
        p.name: _digest(p)
        for p in sorted(folder.iterdir())
        if p.name != "manifest.json" and p.is_file() and not p.name.startswith(".")
    }
    write_safely(folder / "manifest.json", _json({"model_id": model_id, "files": files}))


def load(model_folder: Path, model_id: str) -> Kept:
    """The model of that id.

    Raises:
        ModelError: it is not there, or a file differs from the manifest.
    """
    folder = model_folder / model_id
    if not re.fullmatch(r"[0-9a-f]{1,64}", model_id):
        raise ModelError(f"{model_id!r} is no id of a model: 16 digits and letters a to f, see `anticipate model list`")
    if not (folder / "manifest.json").is_file():
        raise ModelError(f"there is no model {model_id} in {model_folder}: restore it from the backup or train again")
    manifest = _read(folder / "manifest.json")
    for name, digest in manifest.get("files", {}).items():
        path = folder / name
        if not path.is_file() or _digest(path) != digest:
            raise ModelError(f"model {model_id} is damaged ({name}): restore its folder from the backup or train again")
    about, metrics = _read(folder / "about.json"), _read(folder / "metrics.json")
    try:
        candidate = Candidate.read(folder, about["kind"])
    except (KeyError, TypeError, ValueError, OSError) as problem:
        raise ModelError(f"model {model_id} is damaged: restore its folder from the backup or train again") from problem
    named = (n for n in (*candidate.files(), *CORE) if (folder / n).is_file())
    core = {name: (folder / name).read_text(encoding="utf-8") for name in named}
    if _content_id(core) != model_id or manifest.get("model_id") != model_id:
        raise ModelError(
            f"model {model_id} is not what its name says: restore its folder from the backup or train again"
        )
    return Kept(model_id, folder, about, metrics, candidate)


def promotions(model_folder: Path) -> list[Promotion]:
    """All promotions, oldest first; none when nothing was ever promoted."""
    return _decisions(model_folder)[0]


def challenger_for(model_folder: Path, outcome: str, week: dt.date) -> str | None:
    """Id of the model that scores the outcome in shadow in a week: the newest named on or before it; None if none."""
    own = [c for c in _decisions(model_folder)[1] if c.outcome == outcome and c.week <= f"{week:%Y-%m-%d}"]
    newest = max((c.week for c in own), default="")
    return [c for c in own if c.week == newest][-1].model_id if own else None


def challenge(model_folder: Path, challenger: Challenger) -> None:
    """Lets a model score in shadow; a repetition of the latest one for the same outcome is not written twice."""
    there, challengers = _decisions(model_folder)
    own = [c for c in challengers if c.outcome == challenger.outcome]
    if not own or own[-1] != challenger:
        _write(model_folder, there, [*challengers, challenger])


def _decisions(model_folder: Path) -> tuple[list[Promotion], list[Challenger]]:
    path = model_folder / REGISTRY
    if not path.is_file():
        return [], []
    read = _read(path)
    try:
        challengers = [Challenger(**c) for c in read.get("challengers", [])]
        return [_promotion(p) for p in read["promotions"]], challengers
    except (KeyError, TypeError) as problem:
        raise ModelError(f"{path} is not what it should be: restore it from the backup") from problem


def _write(model_folder: Path, there: Sequence[Promotion], challengers: Sequence[Challenger]) -> None:
    model_folder.mkdir(parents=True, exist_ok=True)
    told = {"promotions": [asdict(p) for p in there], "challengers": [asdict(c) for c in challengers]}
    write_safely(model_folder / REGISTRY, _json(told))


def _promotion(kept: dict[str, Any]) -> Promotion:
    told = {name: tuple(kept.get(name, ())) for name in ("reasons", "overridden")}
    return Promotion(**{**kept, **told})


def kept_ids(model_folder: Path) -> list[str]:
    """Ids of all kept models, in order; whether they are sound, ``load`` tells."""
    return sorted(p.parent.name for p in model_folder.glob("*/manifest.json"))


def promote(model_folder: Path, promotion: Promotion) -> None:
    """Adds a promotion; a repetition of the latest one for the same outcome and week is not written twice."""
    there, challengers = _decisions(model_folder)
    same_week = [p for p in there if (p.outcome, p.week) == (promotion.outcome, promotion.week)]
    if same_week and same_week[-1] == promotion:
        return
    _write(model_folder, [*there, promotion], challengers)


def promoted_for(model_folder: Path, outcome: str, week: dt.date) -> tuple[Promotion, bool] | None:
    """The promotion that scores a week, and whether that is retrospective; None when nothing was promoted.

    The newest on or before the week counts; if every promotion is later, the earliest one, retrospectively.
    """
    there = [p for p in promotions(model_folder) if p.outcome == outcome]
    if not there:
        return None
    before = [p for p in there if p.week <= f"{week:%Y-%m-%d}"]
    if before:
        newest = max(p.week for p in before)
        return [p for p in before if p.week == newest][-1], False
    return min(there, key=lambda p: p.week), True


def champion(model_folder: Path, outcome: str) -> Promotion | None:
    """The promotion in use last, when it passed the gate or a named person overrode it; None when none has."""
    passed = [p for p in promotions(model_folder) if p.outcome == outcome and p.status.startswith("champion")]
    newest = max((p.week for p in passed), default="")
    return [p for p in passed if p.week == newest][-1] if passed else None


def usable_champion(model_folder: Path, outcome: str, declarations: str) -> Kept | None:
    """The champion, if its features are declared as now; one that cannot score the present features is none.

    Raises:
        ModelError: its folder is damaged.
    """
    promoted = champion(model_folder, outcome)
    kept = load(model_folder, promoted.model_id) if promoted else None
    return kept if kept and kept.about["declarations"] == declarations else None


def attach(model_folder: Path, model_id: str, name: str, content: bytes) -> Path:
    """Lays a file beside a model that does not decide its id, and lists it in the manifest."""
    path = model_folder / model_id / name
    staging = path.with_name(f".{name}.writing")
    staging.write_bytes(content)
    staging.replace(path)
    write_manifest(path.parent, model_id)
    return path


def decision(kept: Kept) -> dict[str, Any]:
    """What the gate decided in the training that made the model; empty when it was made before that was kept."""
    path = kept.folder / DECISION
    return _read(path) if path.is_file() else {}


def write_safely(path: Path, text: str) -> None:
    """Writes beside and renames, so that a reader sees the old file or the new one."""
    staging = path.with_name(f".{path.name}.writing")
    staging.write_text(text, encoding="utf-8")
    staging.replace(path)


def _read(path: Path) -> dict[str, Any]:
    try:
        read = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as problem:
        raise ModelError(f"{path} cannot be read: restore it from the backup or train again") from problem
    if not isinstance(read, dict):
        raise ModelError(f"{path} is not what it should be: restore it from the backup or train again")
    return read


def _content_id(files: Mapping[str, str]) -> str:
    digest = hashlib.sha256()
    for name in sorted(files):
        digest.update(name.encode() + b"\0" + hashlib.sha256(files[name].encode()).digest())
    return digest.hexdigest()[:ID_LENGTH]


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _json(value: object) -> str:
    return json.dumps(value, indent=1, default=str) + "\n"
