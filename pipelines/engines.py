"""Which engine the large statements of a run use, and the one place that hands out a connection to it.

What crosses files runs on the engine chosen: record, features, outcomes, scores, marts, and histories where the
settings say so. What one process does stays with DuckDB: the bytes of a delivered file, the hash of a table, the
publication, and every question that a person asks. ``docs/decisions/0007-spark.md`` says why.
"""

from __future__ import annotations

import atexit
import datetime as dt
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, cast

from pipelines.errors import MistakeError
from pipelines.settings import EngineSettings, read_settings
from pipelines.store import Store, own_prefix

if TYPE_CHECKING:
    import duckdb
    from pyspark.sql import SparkSession

    from pipelines.engine import SparkSettings

NAME, MASTER = "ANTICIPATE_ENGINE", "ANTICIPATE_SPARK_MASTER"
NAMES = ("duckdb", "spark")
_starting = Lock()
_sessions: dict[str, SparkSession] = {}


def choose(name: str | None, master: str | None) -> None:
    """Let this process, and those that it starts, use an engine whatever the settings say; None leaves them be.

    Raises:
        MistakeError: there is no such engine, or a master was named and the engine is not Spark.
    """
    if name is not None and name not in NAMES:
        raise MistakeError(f"There is no engine {name!r}: use {' or '.join(NAMES)}.")
    if master is not None and name != "spark":
        raise MistakeError("--master says where Spark runs: say --engine spark too.")
    for variable, value in ((NAME, name), (MASTER, master)):
        if value is not None:
            os.environ[variable] = value


def chosen(store: Store) -> EngineSettings:
    """The engine of this process: what the environment says goes before the settings of the home.

    Raises:
        MistakeError: the settings, or the environment, name no engine.
    """
    settings = read_settings(store).engine
    name = os.environ.get(NAME) or settings.name
    if name not in NAMES:
        raise MistakeError(f"{NAME} names no engine: {name!r} is neither {' nor '.join(NAMES)}.")
    return settings.model_copy(update={"name": name, "master": os.environ.get(MASTER) or settings.master})


def check(store: Store) -> None:
    """Says in one sentence what is missing, before any work is done.

    Raises:
        MistakeError: the home cannot be renamed in, or the engine chosen cannot run: no package, no Java or an old one,
            a master that is misspelt or does not answer, workers that do not see the home.
    """
    _check_rename(store)
    if chosen(store).name == "spark":
        from pipelines.engine.spark import check_spark

        settings = _spark_settings(store)
        check_spark(settings)
        if not settings.local:
            _check_workers(settings)


@contextmanager
def connection(store: Store) -> Iterator[duckdb.DuckDBPyConnection]:
    """A private connection to the engine chosen, for one step.

    Spark starts once a process and is stopped when the process ends; each connection has tables of its own. It goes
    out as what it stands in for: ``SparkConnection`` takes the statements that the product says to DuckDB.

    Raises:
        MistakeError: Spark cannot start.
    """
    if chosen(store).name == "duckdb":
        with store.compute() as con:
            yield con
        return
    from pipelines.engine import SparkConnection

    settings = _spark_settings(store)
    spark = SparkConnection(_session(settings).newSession(), settings.scratch)
    try:
        yield cast("duckdb.DuckDBPyConnection", spark)
    finally:
        spark.close()


@contextmanager
def of_histories(store: Store) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection to fold the deliveries of one source; DuckDB's unless the settings let that cross machines too."""
    with connection(store) if chosen(store).histories else store.compute() as con:
        yield con


def score_week(store: Store, week: dt.date, *, feature_folder: Path, out: Path) -> Path:
    """Scores one week by the promoted models; on Spark by parts of whole practices, side by side.

    Raises:
        ModelError: there is no model for the week, or no features, or a model folder is damaged.
    """
    from models import score_week as score_here

    if chosen(store).name == "duckdb":
        return score_here(week, feature_folder=feature_folder, model_folder=store.models, out=out)
    from pipelines.engine.scoring import score_week as score_there

    session = _session(_spark_settings(store)).newSession()
    return score_there(session, week, feature_folder=feature_folder, model_folder=store.models, out=out)


def _spark_settings(store: Store) -> SparkSettings:
    from pipelines.engine import SparkSettings

    said = chosen(store)
    return SparkSettings(
        master=said.master,
        scratch=store.home / said.scratch if said.scratch else store.temporary,
        memory=said.memory,
        partitions=said.partitions,
        extra=said.options,
    )


def _session(settings: SparkSettings) -> SparkSession:
    """The session of this process; what it spills lies in a folder of its own that goes with it."""
    from pipelines.engine.spark import start_spark

    with _starting:
        if settings.master not in _sessions:
            settings.scratch.mkdir(parents=True, exist_ok=True)
            own = Path(tempfile.mkdtemp(prefix=own_prefix(), dir=settings.scratch))
            atexit.register(shutil.rmtree, own, ignore_errors=True)
            session = start_spark(settings.within(own))
            atexit.register(_stop, session)  # before the folder goes: the last registered is called first
            _sessions[settings.master] = session
        return _sessions[settings.master]


def _stop(session: SparkSession) -> None:
    """Ends a session; one whose Java was stopped together with this process has ended already."""
    from py4j.protocol import Py4JError

    with suppress(Py4JError, OSError):
        session.stop()


def _check_rename(store: Store) -> None:
    """Results become visible by renaming files, folders and a link: looks whether the home's filesystem can."""
    store.temporary.mkdir(parents=True, exist_ok=True)
    with store.staging("rename") as folder:
        (folder / "one").mkdir()
        (folder / "one" / "file").touch()
        (folder / "old").symlink_to("one")
        (folder / "link").symlink_to("two")
        try:
            (folder / "one" / "file").rename(folder / "one" / "renamed")
            (folder / "one").rename(folder / "two")
            (folder / "link").replace(folder / "old")
        except OSError as problem:
            raise MistakeError(
                f"The filesystem of {store.home} cannot rename ({problem.strerror}), and results become visible by "
                "renaming: put the home on a local disk, or on a shared filesystem that renames as one does."
            ) from problem


def _check_workers(settings: SparkSettings) -> None:
    """Whether what a worker writes can be read here: a cluster works on the home's own files."""
    from py4j.protocol import Py4JError
    from pyspark.errors import PySparkException

    session = _session(settings)
    folder = Path(tempfile.mkdtemp(prefix="workers-", dir=settings.scratch))
    try:
        session.range(64, numPartitions=8).write.parquet(str(folder / "seen"))
        whole = session.read.parquet(str(folder / "seen")).count() == 64
    except (Py4JError, PySparkException) as problem:
        raise _unseen(settings) from problem
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if not whole:
        raise _unseen(settings)


def _unseen(settings: SparkSettings) -> MistakeError:
    return MistakeError(
        f"The workers of {settings.master} do not write where this machine reads, in {settings.scratch}: put the home "
        "on a filesystem that all of them share under the same path."
    )
