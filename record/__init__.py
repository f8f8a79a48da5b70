"""What was known about each person, and since when.

Belongs here: folding deliveries into versions (``history``), and building the canonical tables from them (``tables``).
Every row carries ``known_from`` and ``known_until``; nothing is ever overwritten, so any past week can be read again:
as it was known then, and, for comparing only, as it is known now (``hindsight``).

Does not belong here: rules about a delivered file (``data_contracts``), anything about an index week (``features``).
"""

from record.folded import files_in_use, open_histories
from record.hindsight import late_sql, open_in_hindsight
from record.history import HistoryReport, update_history
from record.plain import all_tables, plain_tables, statement
from record.tables import TABLES, BuiltTable, build_table, open_record

__all__ = [
    "TABLES",
    "BuiltTable",
    "HistoryReport",
    "all_tables",
    "build_table",
    "files_in_use",
    "late_sql",
    "open_histories",
    "open_in_hindsight",
    "open_record",
    "plain_tables",
    "statement",
    "update_history",
]
