"""The declared design of an evaluation, and what it does to a list: order among ties, or when a team starts."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Literal

import polars as pl
import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from data_contracts import site
from outreach.declaration import ListDeclaration, ListError, first_fault

DESIGN = Path(__file__).parent / "design.yaml"
Kind = Literal["none", "discontinuity", "ties", "stepped"]
KEEPS_OFF: tuple[Kind, ...] = ("ties", "stepped")


class HarmBound(BaseModel):
    """Differences in the mean for each person beyond which the next release is stopped."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    admissions: float = Field(default=0.0, ge=0)
    deaths: float = Field(default=0.0, ge=0)


class Design(BaseModel):
    """One declared design; see `design.yaml`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Kind = "none"
    declared_on: dt.date
    approval: str = ""
    band: float = Field(default=0.02, gt=0, le=0.2)
    starts: dict[str, dt.date] = Field(default_factory=dict)
    horizon_days: int = Field(default=90, ge=14, le=365)
    harm_bound: HarmBound = Field(default_factory=HarmBound)
    tell: float = Field(default=0.02, gt=0)

    @model_validator(mode="after")
    def _allowed(self) -> Design:
        if self.kind in KEEPS_OFF and not self.approval.strip():
            raise ValueError(f"a design of the kind {self.kind} may keep someone off a list: it needs an approval")
        if self.kind == "stepped" and not self.starts:
            raise ValueError("a stepped design needs starts: a first Monday for each team")
        return self

    def acts_on(self, week: dt.date) -> bool:
        """Whether the list of this week is under the design: declared before it."""
        return self.kind != "none" and self.declared_on < week


def load_design(path: Path | None = None) -> Design:
    """The declared design: the file named, else the site's own `design.yaml`, else the shipped one.

    Raises:
        ListError: it cannot be read, or may not be used as declared.
    """
    path = path or site.own_or(DESIGN)
    try:
        return Design.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (OSError, yaml.YAMLError) as error:
        raise ListError(f"The design {path.name} cannot be read: {error}") from error
    except ValidationError as error:
        raise ListError(f"{path.name}: {first_fault(error)}") from error


def ordered_among_ties(
    people: pl.DataFrame, design: Design, week: dt.date, declaration: ListDeclaration
) -> pl.DataFrame:
    """People with `priority` rounded to the design's bands, so that the recorded lot decides within one.

    The highest band of risk, those whom a team added, and the places that the team does not give by lot (`by_risk`)
    keep their order.
    """
    if design.kind != "ties" or not design.acts_on(week):
        return people
    free = (pl.col("score") < declaration.risk_words[0].at_least) & ~pl.col("added") & ~pl.col("by_risk")
    banded = (pl.col("priority") / design.band).floor() * design.band
    return people.with_columns(priority=pl.when(free).then(banded).otherwise("priority"))


def not_started(team: pl.Expr, design: Design, week: dt.date) -> pl.Expr:
    """Whether a team's lists have not begun yet under a stepped design; a team that is not named has begun."""
    if design.kind != "stepped" or not design.acts_on(week):
        return pl.lit(value=False)
    later = [t for t, start in design.starts.items() if start > week]
    return team.is_in(later).fill_null(value=False)


def arms(design: Design, week: dt.date, declaration: ListDeclaration) -> pl.Expr:
    """What each person is in the comparison: `shown`, `not shown`, or null where the design says nothing of them.

    Reads `team`, `rank`, `shown`, `review`, `priority`, `score`, `added`, `by_risk`, `status`.

    Args:
        design: the design.
        week: the list's Monday.
        declaration: the list.
    """
    if not design.acts_on(week):
        return pl.lit(None, pl.String)
    said = pl.when("shown").then(pl.lit("shown")).otherwise(pl.lit("not shown"))
    ranked = pl.col("rank").is_not_null() & ~pl.col("added")
    if design.kind == "stepped":
        return pl.when(ranked | (pl.col("status") == "not_started")).then(said)
    full = (pl.col("shown") & ranked).any().over("team") & (~pl.col("shown") & ranked).any().over("team")
    if design.kind == "ties":
        below = pl.col("score") < declaration.risk_words[0].at_least
        free = below & ranked & ~pl.col("review") & ~pl.col("by_risk")
        last = pl.when(pl.col("shown") & free).then("priority").min().over("team")
        return pl.when(full & free & (pl.col("priority") == last)).then(said)
    cut = _cut()
    return pl.when(full & ranked & ~pl.col("review") & ((pl.col("score") - cut).abs() <= design.band)).then(said)


def _cut() -> pl.Expr:
    """The risk between the last shown and the first not shown of a team."""
    open_place = pl.col("rank").is_not_null() & ~pl.col("added") & ~pl.col("review")
    last = pl.when(pl.col("shown") & open_place).then("score").min().over("team")
    first = pl.when(~pl.col("shown") & open_place).then("score").max().over("team")
    return (last + first) / 2


def cut_distance() -> pl.Expr:
    """How far a person's risk lies above (positive) or below the last place of the team."""
    return pl.col("score") - _cut()
