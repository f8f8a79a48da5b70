"""Teams and what they can see in a week. By default a PCN has one team."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import polars as pl
import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from outreach.declaration import ListError, first_fault

TEAMS = Path(__file__).parent / "teams.yaml"
TEAM_SCHEMA = {"team": pl.String, "team_name": pl.String, "capacity": pl.Int64}


class _Declared(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Capacity(_Declared):
    """New people that a team can think about in one week."""

    new_contact_slots: int = Field(gt=0, le=500)


class Team(Capacity):
    """The team of one PCN, where it differs from the default."""

    pcn_code: str
    name: str | None = None


class TeamsFile(_Declared):
    """The whole teams file."""

    default: Capacity
    teams: tuple[Team, ...] = ()

    @model_validator(mode="after")
    def _each_once(self) -> TeamsFile:
        codes = [t.pcn_code for t in self.teams]
        for code in sorted({c for c in codes if codes.count(c) > 1}):
            raise ValueError(f"PCN {code} is given to two teams")
        return self

    def for_pcns(self, pcns: pl.DataFrame) -> pl.DataFrame:
        """Teams of these PCNs.

        Args:
            pcns: one row a PCN: `pcn_code`, `pcn_name`.

        Returns:
            One row a team: `team` (its PCN's code), `team_name`, `capacity`; ordered by team.

        Raises:
            ListError: the file names a PCN that no practice belongs to.
        """
        unknown = sorted({t.pcn_code for t in self.teams} - set(pcns["pcn_code"]))
        if unknown:
            raise ListError(
                f"The teams file names {', '.join(unknown)}, and no practice belongs to it: check the code."
            )
        own = pl.DataFrame(
            [(t.pcn_code, t.name, t.new_contact_slots) for t in self.teams],
            schema={"pcn_code": pl.String, "own_name": pl.String, "own_slots": pl.Int64},
            orient="row",
        )
        return (
            pcns.join(own, on="pcn_code", how="left")
            .select(
                team="pcn_code",
                team_name=pl.coalesce("own_name", "pcn_name", "pcn_code"),
                capacity=pl.col("own_slots").fill_null(self.default.new_contact_slots),
            )
            .sort("team")
        )


@cache
def load_teams(path: Path = TEAMS) -> TeamsFile:
    """The teams file.

    Raises:
        ListError: it cannot be read, a capacity is not a positive number, or a PCN is given twice.
    """
    try:
        return TeamsFile.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (OSError, yaml.YAMLError) as error:
        raise ListError(f"The teams file {path.name} cannot be read: {error}") from error
    except ValidationError as error:
        raise ListError(f"{path.name}: {first_fault(error)}") from error
