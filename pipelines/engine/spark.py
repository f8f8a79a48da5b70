"""Starts Spark with the settings under which its SQL means what DuckDB's means."""

from __future__ import annotations

import logging
import os
import re
import socket
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.engine.java import Java, find_java, home_for_spark
from pipelines.errors import MistakeError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

# What decides values, each as DuckDB does it.
MEANING = {
    # A cast that fails, a number that overflows: an error in both engines, never a silent null or a wrapped number.
    "spark.sql.ansi.enabled": "true",
    # A timestamp has no zone, and a date is no instant.
    "spark.sql.timestampType": "TIMESTAMP_NTZ",
    "spark.sql.session.timeZone": "UTC",
    # Text sorts and compares by bytes of UTF-8 in both engines: no collation.
    "spark.sql.caseSensitive": "false",
}
_MASTER = re.compile(r"local(\[(\*|\d+)(,\d+)?\])?|yarn|(spark|k8s)://.+")
_WAIT_SECONDS = 5.0


@dataclass(frozen=True)
class SparkSettings:
    """How Spark is started.

    Attributes:
        master: ``local[2]``, ``spark://host:7077``, ``k8s://https://host:6443`` or ``yarn``.
        scratch: a folder for spill and for what the session keeps; the caller removes it.
        memory: of the driver; in local mode all there is.
        partitions: parts that a join or a group is cut into.
        extra: more of Spark's own settings, by their own names; none may change what a statement means.
    """

    master: str
    scratch: Path
    memory: str = "2g"
    partitions: int = 200
    extra: Mapping[str, str] = field(default_factory=dict)

    def within(self, scratch: Path) -> SparkSettings:
        """The same with another folder."""
        return replace(self, scratch=scratch)

    @property
    def local(self) -> bool:
        """Whether everything runs in one process on this machine."""
        return self.master.startswith("local")

    @property
    def options(self) -> dict[str, str]:
        """Spark's own names for the settings."""
        options = {
            "spark.app.name": "anticipate",
            "spark.driver.memory": self.memory,
            "spark.sql.shuffle.partitions": str(self.partitions),
            "spark.sql.warehouse.dir": str(self.scratch / "warehouse"),
            "spark.sql.catalogImplementation": "in-memory",
            "spark.sql.execution.arrow.pyspark.enabled": "true",
            "spark.local.dir": str(self.scratch / "spill"),
            "spark.pyspark.python": sys.executable,
            "spark.ui.enabled": "false",
            "spark.ui.showConsoleProgress": "false",
            "spark.log.level": "ERROR",
            **self.extra,
            **MEANING,
        }
        if self.local:
            options |= {"spark.driver.bindAddress": "127.0.0.1", "spark.driver.host": "127.0.0.1"}
        return options


def check_spark(settings: SparkSettings) -> Java:
    """Whether Spark can start, without starting it.

    Returns:
        The Java that it will run on.

    Raises:
        MistakeError: pyspark or Java is missing or too old, an option would change what a statement means, the master
            is misspelt or does not answer.
    """
    if find_spec("pyspark") is None:
        raise MistakeError(
            "The engine spark needs the package pyspark: install it with `uv pip install -e '.[spark]'`."
        )
    if fixed := sorted(MEANING.keys() & settings.extra.keys()):
        raise MistakeError(f"{fixed[0]} decides what statements mean and is fixed: take it out of the options.")
    check_master(settings.master)
    return find_java()


def start_spark(settings: SparkSettings) -> SparkSession:
    """A session; stop it with ``session.stop()``.

    Raises:
        MistakeError: what ``check_spark`` finds, or Spark's own first line when it does not start.
    """
    java = check_spark(settings)
    from pyspark.errors import PySparkException
    from pyspark.sql import SparkSession

    if SparkSession.getActiveSession() is not None:
        raise MistakeError("Spark is running in this process already: stop that session first.")
    settings.scratch.mkdir(parents=True, exist_ok=True)
    home = home_for_spark(java, settings.scratch)
    logging.getLogger("SQLQueryContextLogger").setLevel(logging.CRITICAL)  # the exception says it
    builder = SparkSession.builder.master(settings.master)
    for name, value in settings.options.items():
        builder = builder.config(name, value)
    try:
        with _environment(JAVA_HOME=str(home), **({"SPARK_LOCAL_IP": "127.0.0.1"} if settings.local else {})):
            return builder.getOrCreate()
    except PySparkException as problem:
        said = str(problem).strip().partition("\n")[0]
        raise MistakeError(f"Spark did not start on {settings.master}: {said}") from problem


@contextmanager
def _environment(**values: str) -> Iterator[None]:
    """These environment variables while the launcher reads them, and then as they were."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def check_master(master: str) -> None:
    """Raises ``MistakeError`` when nothing can be run on ``master``."""
    if not _MASTER.fullmatch(master):
        raise MistakeError(
            f"{master!r} is no Spark master: use local[2], spark://host:7077, k8s://https://host:6443 or yarn."
        )
    if master == "yarn" and not (os.environ.get("HADOOP_CONF_DIR") or os.environ.get("YARN_CONF_DIR")):
        raise MistakeError("The master yarn is found through HADOOP_CONF_DIR: set it to the cluster's configuration.")
    hosts = _hosts(master)
    if hosts and not any(_answers(host, port) for host, port in hosts):
        names = ", ".join(f"{host}:{port}" for host, port in hosts)
        raise MistakeError(f"The Spark master at {names} does not answer: is it running, and is the address right?")


def _hosts(master: str) -> list[tuple[str, int]]:
    """Hosts and ports that a master's address names; several where one stands by for the other."""
    scheme, _, rest = master.partition("://")
    if scheme not in ("spark", "k8s"):
        return []
    secure, rest = not rest.startswith("http://"), rest.removeprefix("https://").removeprefix("http://")
    usual = 7077 if scheme == "spark" else 443 if secure else 80
    hosts = []
    for address in rest.rstrip("/").split(","):
        host, _, port = address.rpartition(":") if ":" in address else (address, "", str(usual))
        if not host or not port.isdigit():
            raise MistakeError(f"{address!r} in {master!r} is no host and port, such as host:{usual}.")
        hosts.append((host, int(port)))
    return hosts


def _answers(host: str, port: int) -> bool:
    try:
        with socket.create_connection((host, port), timeout=_WAIT_SECONDS):
            return True
    except OSError:
        return False
