"""What one site declares for itself: sources, codes and features beside those that the product ships.

A site's folder lies outside the checkout, so that a source is added without editing the product and stays when the
product is replaced: ``ANTICIPATE_SITE``, else ``site`` in the home that ``ANTICIPATE_HOME`` names.

```
site/sources/<source>.yaml     a contract; its id must not be one that the product ships
site/examples/<source>.csv     a few artificial rows, read by `anticipate source check`
site/features/<family>.yaml    features, as in features/declared
site/code_value.csv            codes: set,code,label,source
site/restricted_codes.csv      codes whose rows are never read: code,label,source (docs/operations.md)
site/teams.yaml                neighbourhood teams and what they can see in a week, as in outreach/teams.yaml
site/services.yaml             local services as they are said to a team, in the place of outreach/services.yaml
site/provider_type.csv         who provides care at a place, with dates, in the place of commissioning/provider_type.csv
site/design.yaml               how it is found out whether lists help, in the place of outreach/design.yaml
site/codelists.yaml            codelists put in the place of shipped ones: see data_contracts/codelist.py
site/codelists/<file>          their files, as published; medicine_substance.csv: see features/substances.py
                               anticholinergic_points.csv: see features/points.py
```
"""

from __future__ import annotations

import os
from pathlib import Path

Stamp = tuple[tuple[str, int, int], ...]


def folder() -> Path | None:
    """The site's folder, whether or not it is there; None when neither it nor a home is named."""
    if named := os.environ.get("ANTICIPATE_SITE"):
        return Path(named).absolute()
    home = os.environ.get("ANTICIPATE_HOME")
    return Path(home).absolute() / "site" if home else None


def own_or(shipped: Path) -> Path:
    """The site's own file of the same name where it has one, else the file that the product ships."""
    place = folder()
    own = place / shipped.name if place else None
    return own if own and own.exists() else shipped


def files(kind: str) -> tuple[Path, ...]:
    """The YAML files of one kind (``sources`` or ``features``), in order of name."""
    place = folder()
    return tuple(sorted((place / kind).glob("*.yaml"))) if place else ()


def code_file() -> Path | None:
    """The site's own codes, where it has any."""
    place = folder()
    path = place / "code_value.csv" if place else None
    return path if path and path.exists() else None


def all_files() -> tuple[Path, ...]:
    """Every file of the site that declares features or codelists, in order of name."""
    place = folder()
    if place is None or not place.is_dir():
        return ()
    found = [*place.glob("*.yaml"), *place.glob("sources/*.yaml"), *place.glob("features/*.yaml")]
    return tuple(sorted(found + [p for p in place.glob("codelists/*") if p.is_file()]))


def stamp(*paths: Path) -> Stamp:
    """Names, sizes and times of files: tells whether what was read from them still holds."""
    return tuple((str(p), (s := p.stat()).st_size, s.st_mtime_ns) for p in paths)
