"""A connection that takes the product's statements and runs them on Spark, so that nothing else knows which engine ran.

It understands what the product says to DuckDB and no more: ``create … table`` and ``… view``, ``insert``, ``drop``,
``copy … to`` a Parquet file, ``describe``, ``set`` (of which Spark has no use) and ``select``, with ``read_parquet``
anywhere.
A temporary table is kept as Parquet in the session's scratch folder; a view is bound anew each time it is read, as in
DuckDB. A delivered file's bytes are read by DuckDB in both engines: one file, one process, one numbering of its rows.
"""

from __future__ import annotations

import hashlib
import itertools
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
from sqlglot import exp

from pipelines.errors import ProblemError
from sql import dialect

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

CATALOGUE = "catalogue_table"
MAIN = "main"
"""Schema of the views; a temporary table of the same name hides one, and ``main.<name>`` still reads it."""
Parameters = Mapping[str, Any]


class Result:
    """Rows of a statement, in the words of DuckDB's relation."""

    def __init__(self, table: pa.Table) -> None:
        self._table = table

    def pl(self) -> pl.DataFrame:
        """As a polars frame."""
        frame = pl.from_arrow(self._table)
        assert isinstance(frame, pl.DataFrame)
        return frame

    def to_arrow_table(self) -> pa.Table:
        """As an Arrow table."""
        return self._table

    def to_arrow_reader(self, batch_size: int = 1_000_000) -> pa.RecordBatchReader:
        """As Arrow batches."""
        return self._table.to_reader(max_chunksize=batch_size)

    def fetchall(self) -> list[tuple[Any, ...]]:
        """As tuples."""
        return list(zip(*(c.to_pylist() for c in self._table.columns), strict=True)) if self._table.num_columns else []


class SparkConnection:
    """Runs DuckDB-dialect statements on a Spark session.

    Args:
        spark: a session of ``start_spark``; ``close`` leaves it running.
        scratch: a folder that every worker sees, for temporary tables; ``close`` removes what it put there.
    """

    def __init__(self, spark: SparkSession, scratch: Path) -> None:
        scratch.mkdir(parents=True, exist_ok=True)
        self._spark, self._scratch = spark, Path(tempfile.mkdtemp(prefix="tables-", dir=scratch))
        self._number = itertools.count()
        self._intake = duckdb.connect()
        self._kept: set[str] = set()
        self._views: dict[str, str] = {}

    def execute(self, statements: str, parameters: Parameters | None = None) -> Result:
        """Runs one statement or several, and returns the rows of the last; none where it has none.

        Raises:
            ProblemError: Spark cannot run it; the sentence is Spark's own first line.
        """
        result = Result(pa.table({}))
        for tree in dialect.parse_all(statements):
            result = self._run(tree, dict(parameters or {}))
        return result

    def sql(self, statement: str, *, params: Parameters | None = None) -> Result:
        """Rows of a select."""
        return self.execute(statement, params)

    def register(self, name: str, table: pa.Table) -> None:
        """Makes an Arrow table readable under a name."""
        folder = self._new_folder(name)
        folder.mkdir(parents=True)
        pq.write_table(table, folder / "part.parquet")
        self._spark.read.parquet(str(folder)).createOrReplaceTempView(name)

    def unregister(self, name: str) -> None:
        """Forgets a table or view; unknown names are no error. A view that a temporary table hid is seen again."""
        if name in self._kept and name in self._views:
            self._define(name, self._views[name])
        else:
            self._views.pop(name, None)
            self._spark.catalog.dropTempView(name)
        self._kept.discard(name)

    def close(self) -> None:
        """Forgets every table and view, and removes their files."""
        for table in self._spark.catalog.listTables():
            self._spark.catalog.dropTempView(table.name)
        self._intake.close()
        shutil.rmtree(self._scratch, ignore_errors=True)

    def _run(self, tree: exp.Expression, parameters: dict[str, Any]) -> Result:
        from pyspark.errors import PySparkException

        try:
            if self._is_intake(tree):
                return self._on_duckdb(tree, parameters)
            return self._on_spark(tree, parameters)
        except PySparkException as problem:
            first = str(problem).strip().partition("\n")[0]
            raise ProblemError(f"Spark cannot run a statement: {first}") from problem

    def _on_spark(self, tree: exp.Expression, parameters: dict[str, Any]) -> Result:
        if isinstance(tree, exp.Query):
            return Result(self._frame(tree, parameters).toArrow())
        if isinstance(tree, exp.Describe):
            return self._describe(tree, parameters)
        if isinstance(tree, exp.Create):
            self._create(tree, parameters)
        elif isinstance(tree, exp.Insert):
            self._insert(tree, parameters)
        elif isinstance(tree, exp.Copy):
            self._copy(tree, parameters)
        elif isinstance(tree, exp.Drop):
            for table in tree.args.get("tables") or [tree.this]:
                self.unregister(table.name)
        elif not isinstance(tree, exp.Set):
            raise ProblemError(f"The engine spark has no way to run this: {tree.sql('duckdb')[:80]}")
        return Result(pa.table({}))

    def _describe(self, tree: exp.Describe, parameters: dict[str, Any]) -> Result:
        fields = self._frame(_as_query(tree.this), parameters).dtypes
        kinds = [exp.DataType.build(kind, dialect="spark").sql("duckdb") for _, kind in fields]
        return Result(pa.table({"column_name": [n for n, _ in fields], "column_type": kinds}))

    def _create(self, tree: exp.Create, parameters: dict[str, Any]) -> None:
        name = tree.find(exp.Table).name  # type: ignore[union-attr]  # a create names what it creates
        if tree.kind == "VIEW":
            self._views[name] = dialect.spark_text(self._readable(tree.expression, parameters))
            self._define(name, self._views[name])
            return
        if tree.expression is None:
            columns = ", ".join(dialect.spark_text(c) for c in tree.this.expressions)
            frame = self._spark.createDataFrame([], columns)
        else:
            frame = self._frame(tree.expression, parameters)
        self._keep(name, frame)

    def _define(self, name: str, text: str) -> None:
        self._spark.sql(f"create or replace temporary view `{name}` as {text}")

    def _keep(self, name: str, frame: DataFrame) -> None:
        """A temporary table: its rows as they are now, in Parquet."""
        self._kept.add(name)
        folder = self._new_folder(name)
        frame.write.parquet(str(folder))
        self._spark.read.schema(frame.schema).parquet(str(folder)).createOrReplaceTempView(name)

    def _insert(self, tree: exp.Insert, parameters: dict[str, Any]) -> None:
        name = tree.this.name
        there = self._spark.table(name)
        added = self._frame(tree.expression, parameters)
        typed = [added[i].cast(field.dataType).alias(field.name) for i, field in enumerate(there.schema)]
        self._keep(name, there.unionAll(added.select(*typed)))

    def _copy(self, tree: exp.Copy, parameters: dict[str, Any]) -> None:
        """One Parquet file, in the order of the select."""
        target = Path(tree.args["files"][0].name)
        query = tree.this.this if isinstance(tree.this, exp.Subquery) else _as_query(tree.this)
        folder = self._new_folder("copy")
        written = self._frame(query, parameters).coalesce(1).write.option("compression", "zstd")
        written.parquet(str(folder))
        (part,) = folder.glob("part-*.parquet")
        shutil.move(part, target)
        shutil.rmtree(folder)

    def _frame(self, query: exp.Expression, parameters: dict[str, Any]) -> DataFrame:
        text = dialect.spark_text(self._readable(query, parameters))
        named = {p.name for p in query.find_all(exp.Placeholder)}
        return self._spark.sql(text, args={n: v for n, v in parameters.items() if n in named and _is_value(v)})

    def _readable(self, query: exp.Expression, parameters: dict[str, Any]) -> exp.Expression:
        """The query with files, and the catalogue, as named views."""
        query = query.copy()
        for table in list(query.find_all(exp.Table)):
            if isinstance(table.this, exp.ReadParquet):
                table.set("this", exp.to_identifier(self._files_view(table.this, parameters)))
            elif table.db == "information_schema" and table.name == "tables":
                self._list_tables()
                table.replace(exp.to_table(CATALOGUE, alias=table.alias or None))
            elif table.db == MAIN:
                self._define(f"{MAIN}_{table.name}", self._views[table.name])
                table.replace(exp.to_table(f"{MAIN}_{table.name}", alias=table.alias or None))
        return query

    def _files_view(self, reader: exp.ReadParquet, parameters: dict[str, Any]) -> str:
        files, numbered = [], False
        for argument in reader.expressions:
            if isinstance(argument, exp.EQ):
                numbered |= argument.this.name == "file_row_number"
            elif isinstance(argument, exp.Placeholder):
                files += list(parameters[argument.name])
            elif isinstance(argument, exp.Array):
                files += [item.name for item in argument.expressions]
            else:
                files.append(argument.name)
        digest = hashlib.sha256("\n".join([str(numbered), *files]).encode()).hexdigest()[:16]
        frame = self._spark.read.parquet(*files)
        if numbered:
            frame = frame.selectExpr("*", "_metadata.row_index as file_row_number")
        frame.createOrReplaceTempView(f"file_{digest}")
        return f"file_{digest}"

    def _list_tables(self) -> None:
        names = [t.name for t in self._spark.catalog.listTables() if t.name != CATALOGUE]
        rows = [(MAIN, name, "LOCAL TEMPORARY" if name in self._kept else "VIEW") for name in names]
        columns = "table_schema string, table_name string, table_type string"
        self._spark.createDataFrame(rows, columns).createOrReplaceTempView(CATALOGUE)

    def _is_intake(self, tree: exp.Expression) -> bool:
        """Whether a statement reads a delivered file's bytes, or what DuckDB told about them."""
        known = {row[0] for row in self._intake.execute("select table_name from duckdb_tables()").fetchall()}
        names = {table.name for table in tree.find_all(exp.Table)}
        return tree.find(exp.ReadCSV) is not None or bool(known & names)

    def _on_duckdb(self, tree: exp.Expression, parameters: dict[str, Any]) -> Result:
        if isinstance(tree, exp.Create):
            rows = self._intake.sql(tree.expression.sql("duckdb"), params=parameters or None).to_arrow_table()
            self.register(tree.find(exp.Table).name, rows)  # type: ignore[union-attr]
            return Result(pa.table({}))
        if isinstance(tree, exp.Query):
            return Result(self._intake.sql(tree.sql("duckdb"), params=parameters or None).to_arrow_table())
        self._intake.execute(tree.sql("duckdb"), parameters or None)
        return Result(pa.table({}))

    def _new_folder(self, name: str) -> Path:
        return self._scratch / f"{name}-{next(self._number)}"


def _as_query(tree: exp.Expression) -> exp.Expression:
    return exp.select("*").from_(tree) if isinstance(tree, exp.Table) else tree


def _is_value(value: object) -> bool:
    return not isinstance(value, list | tuple)
