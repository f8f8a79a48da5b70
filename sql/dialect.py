"""The same statements for Apache Spark: read as DuckDB's dialect, written as Spark SQL.

A statement is written once, for DuckDB, and transpiled. Only where Spark truly needs its own does one stand beside it,
``sql/<stage>/<name>.spark.sql``, and its first line says why: ``-- Spark: <reason>``. ``anticipate engine`` prints that
list, and ``anticipate engine record/spell`` a statement as Spark reads it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import sqlglot
from sqlglot import exp
from sqlglot.errors import ErrorLevel, SqlglotError

import sql

_REASON = "-- Spark:"


class DialectError(ValueError):
    """A statement has no meaning in Spark SQL, or an exception gives no reason; the message names the statement."""


@dataclass(frozen=True)
class OwnStatement:
    """A statement that Spark has of its own, and why."""

    name: str
    reason: str


def load_spark(name: str) -> str:
    """Text of ``sql/<name>.sql`` as Spark SQL; parameters are ``:name``.

    Raises:
        DialectError: it cannot be transpiled.

    >>> "DATEDIFF(" in load_spark("record/spell")
    True
    """
    own = sql.FOLDER / f"{name}.spark.sql"
    if own.exists():
        return own.read_text(encoding="utf-8").rstrip().rstrip(";")
    try:
        return to_spark(sql.load(name))
    except DialectError as problem:
        raise DialectError(f"sql/{name}.sql: {problem}") from problem


@cache
def to_spark(statement: str) -> str:
    """One statement of DuckDB's dialect as Spark SQL, without its comments.

    >>> to_spark("select date_diff('day', a, b) // 7 as weeks from t where a <= $index order by a")
    'SELECT DATEDIFF(b, a) DIV 7 AS weeks FROM t WHERE a <= :index ORDER BY a NULLS LAST'

    Raises:
        DialectError: it is not one statement, or says something that Spark SQL cannot say.
    """
    return spark_text(parse(statement))


def parse(statement: str) -> exp.Expression:
    """The one statement in a text of DuckDB's dialect, as a tree."""
    trees = parse_all(statement)
    if len(trees) != 1:
        raise DialectError("not one statement")
    return trees[0]


def parse_all(statements: str) -> list[exp.Expression]:
    """The statements in a text of DuckDB's dialect, each as a tree."""
    try:
        return [tree for tree in sqlglot.parse(statements, read="duckdb") if isinstance(tree, exp.Expression)]
    except SqlglotError as problem:
        raise DialectError(str(problem)) from problem


def spark_text(tree: exp.Expression) -> str:
    """A tree as Spark SQL."""
    for rewrite in _REWRITES:
        tree = tree.transform(rewrite)
    try:
        return tree.sql("spark", comments=False, unsupported_level=ErrorLevel.RAISE)
    except SqlglotError as problem:
        raise DialectError(str(problem)) from problem


def exceptions() -> list[OwnStatement]:
    """The statements that Spark has of its own, in order of name.

    Raises:
        DialectError: one gives no reason, or stands beside nothing.
    """
    found = []
    for path in sorted(sql.FOLDER.rglob("*.spark.sql")):
        name = path.relative_to(sql.FOLDER).as_posix().removesuffix(".spark.sql")
        first = path.read_text(encoding="utf-8").partition("\n")[0]
        if not first.startswith(_REASON) or not first.removeprefix(_REASON).strip():
            raise DialectError(f"sql/{name}.spark.sql must open with a line '{_REASON} <why Spark needs its own>'")
        if name not in sql.statements():
            raise DialectError(f"sql/{name}.spark.sql stands beside nothing: there is no sql/{name}.sql")
        found.append(OwnStatement(name, first.removeprefix(_REASON).strip()))
    return found


def _whole_days(node: exp.Expression) -> exp.Expression:
    """Days between dates: ``datediff(end, start)``; with a unit Spark would go by way of timestamps."""
    if isinstance(node, exp.DateDiff) and node.text("unit").upper() == "DAY":
        return exp.DateDiff(this=node.this, expression=node.expression)
    return node


def _side_by_side(node: exp.Expression) -> exp.Expression:
    """Lists unnested in one select stay side by side; Spark would put every item of one with every item of another."""
    if not isinstance(node, exp.Select):
        return node
    lists = [n for n, p in enumerate(node.expressions) if isinstance(p, exp.Alias) and isinstance(p.this, exp.Explode)]
    if len(lists) < 2:
        return node
    if lists != list(range(lists[0], lists[-1] + 1)):
        raise DialectError("lists that are unnested in one select must stand next to each other")
    beside = [node.expressions[n] for n in lists]
    zipped = exp.func("arrays_zip", *(p.this.this for p in beside))
    names = [exp.to_identifier(p.alias) for p in beside]
    rows = exp.Aliases(this=exp.func("inline", zipped), expressions=names)
    node.set("expressions", [*node.expressions[: lists[0]], rows, *node.expressions[lists[-1] + 1 :]])
    return node


_REWRITES: tuple[Callable[[exp.Expression], exp.Expression], ...] = (_whole_days, _side_by_side)


def told() -> str:
    """How many statements there are, and each that Spark has of its own with the reason, a line each."""
    own = exceptions()
    lines = [f"{len(sql.statements())} statements, {len(own)} of them with one of their own for Spark."]
    return "\n".join(lines + [f"  {o.name}: {o.reason}" for o in own])
