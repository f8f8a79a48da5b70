"""Engine: which database runs the product's SQL. DuckDB in this process by default; Apache Spark past one machine.

Belongs here: finding a Java, starting and stopping Spark, the sentence that says why it cannot start, and a connection
that looks like DuckDB's to everybody else. Does not belong here: any statement (``sql``), its translation
(``sql.dialect``), any path of a home (``pipelines.store``). Nothing here is imported before an engine is asked for.
"""

from pipelines.engine.connection import SparkConnection
from pipelines.engine.java import Java, find_java
from pipelines.engine.spark import SparkSettings, start_spark

__all__ = ["Java", "SparkConnection", "SparkSettings", "find_java", "start_spark"]
