"""The set-based statements: one purpose a file, one ``select`` each.

Belongs here: SQL that DuckDB runs and sqlglot transpiles to Spark. Does not belong here: anything that opens a
connection, knows a path, or builds SQL from a declaration (that lives with the declaration).
"""

from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent


@cache
def load(name: str) -> str:
    """Text of ``sql/<name>.sql``, without a closing semicolon.

    >>> load("record/registration").lstrip().startswith("--")
    True
    """
    return (FOLDER / f"{name}.sql").read_text(encoding="utf-8").rstrip().rstrip(";")


def statements() -> list[str]:
    """Names of all statements, e.g. ``record/spell``, in order; Spark's own beside them are in ``sql.dialect``."""
    names = (p.relative_to(FOLDER).with_suffix("").as_posix() for p in FOLDER.rglob("*.sql"))
    return sorted(name for name in names if not name.endswith(".spark"))
