"""What changed between two versions of a contract, and which changes break what was built on the earlier one."""

from __future__ import annotations

from dataclasses import dataclass

from data_contracts.contract import Column, Contract


@dataclass(frozen=True)
class Change:
    """One difference. ``breaking``: files, rows or uses that were right by the earlier version are not by the later."""

    breaking: bool
    what: str


class VersionRefusedError(ValueError):
    """A contract changed in a way that its version number does not admit."""


def changes_between(old: Contract, new: Contract) -> list[Change]:
    """Differences from ``old`` to ``new``, the breaking ones first."""
    found = [*_of_source(old, new), *_of_columns(old, new), *_of_rules(old, new), *_of_purposes(old, new)]
    return sorted(found, key=lambda c: (not c.breaking, c.what))


def check_version(old: Contract, new: Contract) -> list[Change]:
    """The changes, when the new version number admits them.

    Raises:
        VersionRefusedError: breaking changes without a higher first number, or changes without a higher version.
    """
    changes = changes_between(old, new)
    breaking = [c.what for c in changes if c.breaking]
    before, now = _numbers(old.version), _numbers(new.version)
    if breaking and now[0] <= before[0]:
        raise VersionRefusedError(
            f"{new.id}: {len(breaking)} breaking changes need version {before[0] + 1}.0.0, not {new.version}: "
            + "; ".join(breaking)
        )
    if changes and now <= before:
        raise VersionRefusedError(f"{new.id}: it changed, so its version must be higher than {old.version}.")
    return changes


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in str(version).split("."))


def _of_source(old: Contract, new: Contract) -> list[Change]:
    said = {
        "key": (old.key, new.key, True),
        "identifier domain": (old.domain, new.domain, True),
        "way of sending": (old.delivery, new.delivery, True),
        "file format": ((old.format, old.delimiter), (new.format, new.delimiter), True),
        "event date": (old.event_date, new.event_date, True),
        "known date": (old.known_date, new.known_date, True),
        "version column": (old.version_column, new.version_column, True),
        "table of the record": (old.record_table, new.record_table, True),
        "GP record": (old.gp_record, new.gp_record, True),
        "frequency": (old.frequency_days, new.frequency_days, False),
        "staleness limit": (old.staleness_days, new.staleness_days, False),
        "controller": (old.controller, new.controller, False),
    }
    return [
        Change(breaking, f"{what}: {_said(a)} becomes {_said(b)}") for what, (a, b, breaking) in said.items() if a != b
    ]


def _said(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _of_columns(old: Contract, new: Contract) -> list[Change]:
    before, now = {c.name: c for c in old.columns}, {c.name: c for c in new.columns}
    found = [Change(True, f"column {name}: gone") for name in before.keys() - now.keys()]
    for name in now.keys() - before.keys():
        optional = now[name].optional_column and not now[name].required
        found.append(Change(not optional, f"column {name}: new{'' if optional else ', and every file must have it'}"))
    for name in before.keys() & now.keys():
        found += _of_column(before[name], now[name])
    return found


def _of_column(old: Column, new: Column) -> list[Change]:
    found = []

    def say(breaking: bool, what: str) -> None:
        found.append(Change(breaking, f"column {new.name}: {what}"))

    if old.type != new.type or old.lake_type != new.lake_type:
        say(True, f"type {old.type} becomes {new.type}")
    if old.role != new.role:
        say(True, f"role {old.role or 'none'} becomes {new.role or 'none'}")
    if old.required != new.required:
        say(new.required, "now required" if new.required else "no longer required")
    if old.optional_column != new.optional_column:
        say(old.optional_column, "every file must have it" if old.optional_column else "may be absent from a file")
    if old.header != new.header:
        still_read = old.header in new.aliases
        say(not still_read, f"heading {old.header} becomes {new.header}{', the old one is still read' * still_read}")
    if lost := set(old.aliases) - {*new.aliases, new.header}:
        say(True, f"heading {', '.join(sorted(lost))} is no longer read")
    for what, a, b in (
        ("form", old.pattern, new.pattern),
        ("code system", old.code_system, new.code_system),
        ("month only", old.month_only, new.month_only),
        ("order of the date", old.day_first, new.day_first),
        ("later known date", old.known, new.known),
    ):
        if a != b:
            say(True, f"{what} changed")
    if (old.minimum, old.maximum) != (new.minimum, new.maximum):
        wider = _reaches(new.minimum, old.minimum, -1) and _reaches(new.maximum, old.maximum, 1)
        say(not wider, "bounds are wider" if wider else "bounds are narrower")
    if old.personal != new.personal:
        say(
            False, "personal" if new.personal else "no longer personal: look at it with the information governance lead"
        )
    for what, before, now in (
        ("code set", old.code_set, new.code_set),
        ("values for missing", old.sentinels, new.sentinels),
    ):
        if before != now:
            say(False, f"{what} changed")
    return found


def _reaches(new: float | None, old: float | None, side: int) -> bool:
    """Whether the new bound leaves in all that the old one did."""
    return new is None or (old is not None and (new - old) * side >= 0)


def _of_rules(old: Contract, new: Contract) -> list[Change]:
    before, now = {r.code: r for r in old.rules}, {r.code: r for r in new.rules}
    found = [Change(False, f"rule {code}: gone") for code in before.keys() - now.keys()]
    for code, rule in now.items():
        if rule != before.get(code):
            rejects = rule.level != "warn"
            found.append(Change(rejects, f"rule {code}: {'changed' if code in before else 'new'} ({rule.level})"))
    return found


def _of_purposes(old: Contract, new: Contract) -> list[Change]:
    before, now = {p.name for p in old.purposes}, {p.name for p in new.purposes}
    found = [Change(True, f"purpose {name}: no longer agreed") for name in before - now]
    return found + [Change(False, f"purpose {name}: now agreed") for name in now - before]
