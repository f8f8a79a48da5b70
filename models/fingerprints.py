"""What a model was made from, as hashes: the rows, the code, the versions of the libraries that fit it.

Two models with the same three were made alike; where a model cannot be made again, they tell which of them changed.
"""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from models.panel import Part

ROOT = Path(__file__).resolve().parent.parent
CODE = ("models/*.py", "models/*.yaml", "models/outcomes/*.yaml", "sql/outcomes/*.sql")
LIBRARIES = ("lightgbm", "scikit-learn", "numpy", "polars", "duckdb")


def of_rows(part: Part, *columns: np.ndarray | None) -> str:
    """SHA-256 of who, when, every value, and what became of them (``columns``), in the order of rows."""
    told = hashlib.sha256()
    for key in ("week", "person_id"):
        told.update(part.keys[key].to_physical().to_numpy().astype(np.int64).tobytes())
    for values in (part.values, *(c for c in columns if c is not None)):
        told.update(np.ascontiguousarray(values).tobytes())
    return told.hexdigest()


@cache
def of_code() -> str:
    """SHA-256 of the files that decide how a model is made."""
    told = hashlib.sha256()
    for path in sorted(path for pattern in CODE for path in ROOT.glob(pattern)):
        told.update(path.relative_to(ROOT).as_posix().encode())
        told.update(path.read_bytes().replace(b"\r\n", b"\n"))
    return told.hexdigest()


def of_making() -> dict[str, Any]:
    """``code``, and ``libraries`` (name to version)."""
    return {"code": of_code(), "libraries": {name: version(name) for name in LIBRARIES}}
