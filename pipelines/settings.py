"""The settings of one home: ``anticipate.toml`` beside its folders; without the file everything has its default.

What the environment says goes before the file. A key that is not known, or a value of the wrong kind, is one sentence.
"""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pipelines.errors import MistakeError
from pipelines.store import Store

FILE = "anticipate.toml"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Run(_Part):
    """How much of the machine a run may take."""

    threads: int | None = Field(default=None, ge=1, description="Threads; all cores when not said.")
    memory: str = Field(default="8GB", pattern=r"^\d+(\.\d+)?(MB|GB)$", description="Memory of one database step.")


class EngineSettings(_Part):
    """What record, features, outcomes, scores and marts run on; everything else is DuckDB's."""

    name: Literal["duckdb", "spark"] = Field(default="duckdb", description="`duckdb`, or `spark` past one machine.")
    master: str = Field(
        default="local[*]",
        description="Where Spark runs: `local[4]`, `spark://host:7077`, `k8s://https://host`, `yarn`.",
    )
    memory: str = Field(default="4g", pattern=r"^\d+[mg]$", description="Memory of Spark's driver.")
    histories: bool = Field(
        default=False,
        description="Also fold deliveries into histories there: dozens of statements a source and day, which pays only "
        "where one source is more than one machine holds.",
    )
    partitions: int = Field(default=200, ge=1, description="Parts that Spark cuts a join or a group into.")
    scratch: Path | None = Field(
        default=None, description="Folder of temporary tables that every worker sees; `tmp` in the home when not said."
    )
    options: dict[str, str] = Field(default={}, description="More of Spark's own settings, by their own names.")


class Training(_Part):
    """What models learn from."""

    rows: int = Field(
        default=500_000,
        ge=10_000,
        description="Person-weeks, most: of more a share of the people is drawn, always the same people. "
        "What a smaller sample loses: `docs/performance.md`.",
    )


class Key(_Part):
    """The pseudonymisation key."""

    file: Path | None = Field(default=None, description="Where the key lies; in the vault of the home when not said.")


class Site(_Part):
    """What the site declares for itself."""

    folder: Path | None = Field(
        default=None, description="Sources, examples, features; `site` in the home when not said."
    )


class Inbox(_Part):
    """Which delivered files are complete."""

    marker: str | None = Field(
        default=None,
        pattern=r"^\.\w+$",
        description="A file is read only when its marker is there, e.g. `.done`: `extract.csv.done`, `extract.done`, "
        "or `.done` for all files of the folder. Not said: a file is read as it lies there, by the sensor once it has "
        "stopped growing.",
    )


class Ui(_Part):
    """Dagster's pages."""

    host: str = Field(
        default="127.0.0.1", description="Address to listen on; another than this machine's needs a sign-on."
    )
    port: int = Field(default=3000, ge=1, le=65535, description="Port.")
    read_only: bool = Field(default=False, description="Pages for looking only; no schedule and no sensor runs.")


class Log(_Part):
    """The structured log: one JSON object a line, run and asset, nothing about a person."""

    file: bool = Field(default=True, description="Write `log/anticipate-YYYY-MM.jsonl` in the home.")


class Email(_Part):
    """Alerts by e-mail."""

    host: str = Field(description="Mail server.")
    port: int = Field(default=587, ge=1, le=65535, description="Its port.")
    sender: str = Field(description="Address that the mail comes from.")
    to: tuple[str, ...] = Field(description="Addresses that get it.", min_length=1)
    encryption: Literal["starttls", "none"] = Field(
        default="starttls", description="`none` only for a relay on this machine."
    )
    user: str | None = Field(default=None, description="User name at the server.")
    password_variable: str = Field(
        default="ANTICIPATE_MAIL_PASSWORD", description="Environment variable with the password."
    )


class Webhook(_Part):
    """Alerts to a chat or an incident system."""

    url: str = Field(pattern=r"^https?://", description="Where the alert is posted as JSON.")


class Alerts(_Part):
    """Whom to tell when a run breaks down, a check stops it, or a source is stale."""

    file: str | None = Field(default="alerts.jsonl", description="File in the home, one JSON object a line.")
    email: Email | None = None
    webhook: Webhook | None = None


class Backup(_Part):
    """Where copies go and how long they are kept."""

    folder: Path | None = Field(
        default=None, description="On another disk; needed by `anticipate backup` without a folder."
    )
    keep: int = Field(
        default=8, ge=1, description="Copies kept; older ones are removed, and what was forgotten with them."
    )


class Retention(_Part):
    """After how many days files are removed by `anticipate forget expired`; what is not said is kept."""

    received_days: int | None = Field(
        default=None, ge=1, description="Received files in the vault, but the newest of each source."
    )
    lists_days: int | None = Field(
        default=None, ge=91, description="Workbooks and pages of lists and registers; their ledgers stay."
    )
    analyst_days: int | None = Field(default=None, ge=1, description="Pages and tables that analysts asked for.")
    quality_days: int | None = Field(default=None, ge=1, description="Quality pages and workbooks for senders.")
    log_days: int | None = Field(default=None, ge=1, description="Files of the log.")


class Quality(_Part):
    """The weekly data-quality page."""

    after_weekly: bool = Field(
        default=True, description="Dagster makes the page after each weekly run (needs the daemon)."
    )


class Settings(_Part):
    """All settings of a home."""

    run: Run = Run()
    engine: EngineSettings = EngineSettings()
    training: Training = Training()
    key: Key = Key()
    site: Site = Site()
    inbox: Inbox = Inbox()
    ui: Ui = Ui()
    log: Log = Log()
    alerts: Alerts = Alerts()
    backup: Backup = Backup()
    retention: Retention = Retention()
    quality: Quality = Quality()


def read_settings(store: Store) -> Settings:
    """The settings of a home.

    Raises:
        MistakeError: the file is no TOML, or a key or value is not one of those above.
    """
    path = store.home / FILE
    if not path.exists():
        return Settings()
    try:
        return Settings.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except tomllib.TOMLDecodeError as problem:
        raise MistakeError(f"{path} is no TOML: {problem}.") from None
    except ValidationError as problem:
        first = problem.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise MistakeError(f"{path}: {where}: {first['msg']}.") from None


def apply_settings(store: Store) -> Settings:
    """Read the settings and hand to the environment what other parts look for there; what is there already stays."""
    settings = read_settings(store)
    said = {
        "ANTICIPATE_THREADS": settings.run.threads,
        "ANTICIPATE_MEMORY": settings.run.memory if (store.home / FILE).exists() else None,
        "ANTICIPATE_KEY_FILE": settings.key.file,
        "ANTICIPATE_SITE": settings.site.folder,
    }
    for name, value in said.items():
        if value is not None:
            os.environ.setdefault(name, str(store.home / value if isinstance(value, Path) else value))
    return settings


def reference_page() -> str:
    """All settings as Markdown, with kind, default and meaning."""
    lines = ["# Settings", "", f"One file, `{FILE}` in the home. Made from `pipelines/settings.py`; do not edit.", ""]
    for name, part in Settings.model_fields.items():
        kind = part.annotation
        assert isinstance(kind, type)
        assert issubclass(kind, BaseModel)
        lines += _section(name, kind)
    return "\n".join(lines) + "\n"


def _section(name: str, kind: type[BaseModel]) -> list[str]:
    lines = [f"## {name}", "", (kind.__doc__ or "").strip(), "", "| key | default | meaning |", "|---|---|---|"]
    nested = []
    for key, field in kind.model_fields.items():
        inner = [a for a in getattr(field.annotation, "__args__", ()) if isinstance(a, type) and issubclass(a, _Part)]
        if inner:
            nested.append((f"{name}.{key}", inner[0]))
            continue
        default = "needed" if field.is_required() else "" if field.default is None else f"`{field.default}`"
        lines.append(f"| `{key}` | {default} | {field.description} |")
    lines.append("")
    for inner_name, part in nested:
        lines += _section(inner_name, part)
    return lines
