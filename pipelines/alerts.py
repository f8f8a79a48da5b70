"""Tells people that a run broke down, that a check stopped it, or that a source is stale: file, e-mail, webhook.

An alert names run, job, week, steps and checks, and what the blocking checks said; never an error's own text, which
could quote a value.
"""

from __future__ import annotations

import json
import os
import smtplib
import urllib.request
from collections.abc import Callable
from dataclasses import asdict, dataclass
from email.message import EmailMessage

import polars as pl

from pipelines import journal
from pipelines.settings import Email, read_settings
from pipelines.store import Store

SECONDS = 10


@dataclass(frozen=True)
class Alert:
    """One thing that somebody should know. ``kind``: run failure, blocked check or stale source."""

    kind: str
    run: str
    job: str
    week: str
    says: tuple[str, ...]

    @property
    def title(self) -> str:
        """One line for a subject or a chat."""
        return f"Anticipate: {self.kind}, {self.job} {self.week}".strip()


def alerts_of_run(store: Store, run_id: str, job: str, week: str, steps: tuple[str, ...]) -> list[Alert]:
    """What a run that did not succeed is about: blocking checks that do not hold, else steps that broke down."""
    files = sorted((store.checks / run_id).glob("*.parquet"))
    found = pl.concat([pl.read_parquet(f) for f in files]) if files else pl.DataFrame()
    alerts = []
    if len(found):
        stopped = found.filter(~pl.col("passed") & pl.col("blocking"))
        for kind, wanted in (("stale source", True), ("blocked check", False)):
            rows = stopped.filter((pl.col("check") == "within_staleness_limit") == wanted)
            if len(rows):
                says = tuple(f"{a}: {s}" for a, s in rows.select("asset", "says").rows())
                alerts.append(Alert(kind, run_id, job, week, says))
    if not alerts:
        says = tuple(f"The step {step} broke down; its error is on the run's page." for step in steps)
        alerts.append(Alert("run failure", run_id, job, week, says or ("The run did not finish.",)))
    return alerts


def send(store: Store, alerts: list[Alert]) -> list[str]:
    """Send by every way that the settings name; a run that was told of before is not told again.

    Returns:
        Sentences about ways that did not work; they are in the log too, and never stop anything.
    """
    settings = read_settings(store).alerts
    fresh = [a for a in alerts if not _told_before(store, settings.file, a)]
    problems = []
    for alert in fresh:
        ways: dict[str, Callable[[], None]] = {}
        if settings.email:
            ways["e-mail"] = lambda mail=settings.email, alert=alert: _mail(mail, alert)  # type: ignore[misc]
        if settings.webhook:
            ways["webhook"] = lambda url=settings.webhook.url, alert=alert: _post(url, alert)  # type: ignore[misc]
        if settings.file:
            ways["file"] = lambda file=settings.file, alert=alert: _append(store, file, alert)  # type: ignore[misc]
        for way, tell in ways.items():
            try:
                tell()
            except (OSError, smtplib.SMTPException) as problem:
                problems.append(f"The alert could not be sent by {way}: {type(problem).__name__}.")
                journal.write(store, level="error", what=f"alert by {way} not sent", run=alert.run, job=alert.job)
    return problems


def _told_before(store: Store, file: str | None, alert: Alert) -> bool:
    path = store.home / file if file else None
    if path is None or not path.exists():
        return False
    told = (json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip())
    return any((t["run"], t["kind"]) == (alert.run, alert.kind) for t in told)


def _append(store: Store, file: str, alert: Alert) -> None:
    with (store.home / file).open("a", encoding="utf-8") as out:
        out.write(json.dumps(asdict(alert)) + "\n")


def _mail(settings: Email, alert: Alert) -> None:
    message = EmailMessage()
    message["Subject"] = alert.title
    message["From"], message["To"] = settings.sender, ", ".join(settings.to)
    message.set_content("\n".join([alert.title, "", *alert.says, "", f"Run {alert.run}"]))
    with smtplib.SMTP(settings.host, settings.port, timeout=SECONDS) as server:
        if settings.encryption == "starttls":
            server.starttls()
        if settings.user:
            server.login(settings.user, os.environ.get(settings.password_variable, ""))
        server.send_message(message)


def _post(url: str, alert: Alert) -> None:
    body = json.dumps({"text": "\n".join([alert.title, *alert.says]), **asdict(alert)}).encode()
    asked = urllib.request.Request(url, data=body, headers={"Content-Type": "application/json"}, method="POST")
    with urllib.request.urlopen(asked, timeout=SECONDS) as answer:
        answer.read()
