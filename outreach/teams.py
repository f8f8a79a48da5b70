"""Teams, the practices they cover, and what they can see in a week. Without an entry a PCN has one team."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import polars as pl
import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from data_contracts import site
from outreach.declaration import ListError, faults_of

TEAMS = Path(__file__).parent / "teams.yaml"
SERVICES = Path(__file__).parent / "services.yaml"
TEAM_SCHEMA = {
    "team": pl.String,
    "team_name": pl.String,
    "capacity": pl.Int64,
    "review_places": pl.Int64,
    "lot_places": pl.Int64,
}


class _Declared(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Capacity(_Declared):
    """What a team can think about in one week.

    Attributes:
        new_contact_slots: places on the list.
        re_review_share: part of them kept for people who were listed before and whose rest is over.
        evaluation_share: part of them, the last ones, that a declared design may give by lot among people of nearly
            the same risk. None as shipped: a team takes part in such a comparison only where this says so.
    """

    new_contact_slots: int = Field(gt=0, le=500)
    re_review_share: float = Field(default=0.0, ge=0, lt=1)
    evaluation_share: float = Field(default=0.0, ge=0, le=1)

    @property
    def review_places(self) -> int:
        """Places kept for re-review, rounded down."""
        return int(self.new_contact_slots * self.re_review_share + 1e-9)

    @property
    def lot_places(self) -> int:
        """Places that a declared design may give by lot, rounded down."""
        return int(self.new_contact_slots * self.evaluation_share + 1e-9)


class Team(Capacity):
    """One team.

    Attributes:
        team: its code, in file names and on the command line.
        neighbourhoods: PCN codes it covers.
        practices: single practices it covers; named here a practice belongs to this team whatever its PCN.
        skills: services (`services.yaml`) that it gives itself.
    """

    team: str = Field(pattern=r"^[A-Za-z0-9_-]{1,20}$")
    name: str | None = None
    neighbourhoods: tuple[str, ...] = ()
    practices: tuple[str, ...] = ()
    skills: tuple[str, ...] = ()


class TeamsFile(_Declared):
    """The whole teams file."""

    default: Capacity
    teams: tuple[Team, ...] = ()

    def practice_teams(self, practices: pl.DataFrame) -> pl.DataFrame:
        """Which team each practice belongs to: the team that names it, else its PCN's team, else the PCN itself.

        Args:
            practices: one row a practice: `practice_code`, `pcn_code` (null: in no PCN).

        Returns:
            `practice_code`, `team` (null: unassigned), in the order of `practices`.

        Raises:
            ListError: a practice or PCN is given twice or is not there; one sentence each.
        """
        if faults := self._faults(practices):
            raise ListError("\n".join(faults))
        by_practice = {p: t.team for t in self.teams for p in t.practices}
        by_pcn = {n: t.team for t in self.teams for n in t.neighbourhoods}
        return practices.select(
            "practice_code",
            team=pl.coalesce(_looked_up("practice_code", by_practice), _looked_up("pcn_code", by_pcn), "pcn_code"),
        )

    def table(self, practices: pl.DataFrame) -> pl.DataFrame:
        """The teams of these practices.

        Args:
            practices: one row a practice: `practice_code`, `pcn_code`, `pcn_name`.

        Returns:
            One row a team, ordered by team: `TEAM_SCHEMA`.
        """
        own = {t.team: t for t in self.teams}
        named = practices.join(self.practice_teams(practices), on="practice_code").filter(pl.col("team").is_not_null())
        names = dict(named.group_by("team").agg(pl.col("pcn_name").drop_nulls().min()).rows())
        rows = []
        for team in sorted(names):
            declared = own.get(team)
            can = declared or self.default
            name = (declared.name if declared else None) or names[team] or team
            rows.append((team, name, can.new_contact_slots, can.review_places, can.lot_places))
        return pl.DataFrame(rows, schema=TEAM_SCHEMA, orient="row")

    def with_skill(self, service: str) -> list[str]:
        """The teams that give a service themselves."""
        return [t.team for t in self.teams if service in t.skills]

    def _faults(self, practices: pl.DataFrame) -> list[str]:
        said = []
        for what, given, there in (
            ("PCN", [n for t in self.teams for n in t.neighbourhoods], set(practices["pcn_code"].drop_nulls())),
            ("practice", [p for t in self.teams for p in t.practices], set(practices["practice_code"])),
            ("team", [t.team for t in self.teams], None),
        ):
            said += [f"The teams file gives the {what} {c} to two teams." for c in _twice(given) if there is not None]
            said += [f"The teams file names the team {c} twice." for c in _twice(given) if there is None]
            if there is not None:
                missing = sorted(set(given) - there)
                said += [f"The teams file names the {what} {c}, and no practice belongs to it." for c in missing]
        covered = {t.team for t in self.teams if t.neighbourhoods or t.practices}
        said += [f"The team {t.team} covers no PCN and no practice." for t in self.teams if t.team not in covered]
        offered = load_services()
        said += [
            f"The team {t.team} has the skill {s}, which is no service of services.yaml."
            for t in self.teams
            for s in t.skills
            if s not in offered
        ]
        return said


def _looked_up(column: str, found: dict[str, str]) -> pl.Expr:
    return pl.col(column).replace_strict(found, default=None, return_dtype=pl.String)


def _twice(codes: Iterable[str]) -> list[str]:
    listed = list(codes)
    return sorted({c for c in listed if listed.count(c) > 1})


def teams_path() -> Path:
    """The site's ``teams.yaml`` where it has one, else the file that the product ships."""
    return site.own_or(TEAMS)


def load_teams(path: Path | None = None) -> TeamsFile:
    """The teams file: the one named, else ``teams_path``.

    Raises:
        ListError: it cannot be read, or a number in it cannot be; one sentence a fault.
    """
    path = path or teams_path()
    try:
        return TeamsFile.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (OSError, yaml.YAMLError) as error:
        raise ListError(f"The teams file {path.name} cannot be read: {error}") from error
    except ValidationError as error:
        raise ListError("\n".join(f"{path.name}: {fault}" for fault in faults_of(error))) from error


def load_services(path: Path | None = None) -> dict[str, str]:
    """Local services by id, as they are said to a team: the file named, else the site's own, else the shipped one.

    Raises:
        ListError: the file cannot be read.
    """
    path = path or site.own_or(SERVICES)
    try:
        services = yaml.safe_load(path.read_text(encoding="utf-8"))["services"]
    except (OSError, yaml.YAMLError, KeyError, TypeError) as error:
        raise ListError(f"The services file {path.name} cannot be read: {error}") from error
    return {str(k): str(v) for k, v in services.items()}
