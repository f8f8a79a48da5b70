"""Who may have a list: the operating system's account, looked up in a file that the account cannot write.

The account is asked of the operating system, never of an argument or an environment variable.
"""

from __future__ import annotations

import datetime as dt
import os
from dataclasses import dataclass
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

ROLES = "roles.yaml"
DEMONSTRATION = "demonstration"
"""An entry approved by nobody but the demonstration; it opens artificial people only."""

ALL_TEAMS = "all"


class NotAllowedError(Exception):
    """The release is turned down; the message says why in one sentence, and is logged."""


class Role(BaseModel):
    """One entry of the roles file.

    Attributes:
        account: the account's name as the operating system knows it.
        person: whose it is.
        teams: teams whose lists it may have, or `all`.
        purposes: what for, as written behind `--purpose`.
        expires: last day on which it holds.
        approved_by: account that approved it; never the account itself.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    account: str = Field(min_length=1)
    person: str = Field(min_length=1)
    role: str = Field(min_length=1)
    teams: tuple[str, ...] = Field(min_length=1)
    purposes: tuple[str, ...] = Field(min_length=1)
    expires: dt.date
    approved_by: str = Field(min_length=1)

    @property
    def demonstration(self) -> bool:
        """Whether only the demonstration stands behind it."""
        return self.approved_by == DEMONSTRATION


class RolesFile(BaseModel):
    """The whole file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    roles: tuple[Role, ...] = ()


@dataclass(frozen=True)
class Asker:
    """Who asks: the account's entry, and whether the account could have written it."""

    role: Role
    own_hand: bool


def find_asker(path: Path, who: str, *, team: str, purpose: str, today: dt.date) -> Asker:
    """The account's role for this team and purpose.

    Args:
        path: the roles file.
        who: the account.
        team: the team's code.
        purpose: as asked.
        today: the day of the release.

    Raises:
        NotAllowedError: no file, no entry, expired, approved by itself, or not for this team or purpose.
    """
    entries = [r for r in read_roles(path).roles if r.account == who]
    if not entries:
        raise NotAllowedError(f"The account {who} is not in the roles file.")
    fitting = [r for r in entries if team in r.teams or ALL_TEAMS in r.teams]
    if not fitting:
        raise NotAllowedError(f"The account {who} has no role for the team {team}.")
    meant = [r for r in fitting if _plain(purpose) in map(_plain, r.purposes)]
    if not meant:
        allowed = ", ".join(sorted({p for r in fitting for p in r.purposes}))
        raise NotAllowedError(f"The purpose is not one of the account's own: {allowed}.")
    holding = [r for r in meant if r.expires >= today]
    if not holding:
        raise NotAllowedError(f"The role of {who} expired on {max(r.expires for r in meant)}.")
    others = [r for r in holding if r.approved_by != who]
    if not others:
        raise NotAllowedError(f"The role of {who} was approved by {who}: another account must approve it.")
    return Asker(others[0], can_be_written(path))


def read_roles(path: Path) -> RolesFile:
    """The roles file.

    Raises:
        NotAllowedError: it is not there or cannot be read as such.
    """
    if not path.exists():
        raise NotAllowedError("There is no roles file, so nobody may have a list.")
    try:
        return RolesFile.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")) or {})
    except (yaml.YAMLError, UnicodeDecodeError, ValidationError) as error:
        raise NotAllowedError(f"The roles file cannot be read ({str(error).splitlines()[0]}).") from error


def can_be_written(path: Path) -> bool:
    """Whether this account could change the file: by writing, by owning it, or by putting another in its place."""
    mine = os.name == "posix" and path.stat().st_uid == os.geteuid()
    return mine or os.access(path, os.W_OK) or os.access(path.parent, os.W_OK)


def demonstration_roles(who: str, expires: dt.date) -> str:
    """The roles file of a demonstration: this account, every team, artificial people only."""
    entry = {
        "account": who,
        "person": f"{who} (demonstration)",
        "role": "demonstration",
        "teams": [ALL_TEAMS],
        "purposes": ["direct care"],
        "expires": expires,
        "approved_by": DEMONSTRATION,
    }
    head = (
        "# Who may have which list. For real people this file belongs to another account, which approves each entry.\n"
    )
    return head + yaml.safe_dump({"roles": [entry]}, sort_keys=False)


def _plain(text: str) -> str:
    return " ".join(text.casefold().split())
