"""What was known about each person, and since when.

Belongs here: folding deliveries into versions (``history``), and building the canonical tables from them (``tables``).
Every row carries ``known_from`` and ``known_until``; nothing is ever overwritten, so any past week can be read again.

Does not belong here: rules about a delivered file (``data_contracts``), anything about an index week (``features``).
"""

from record.history import HistoryReport, open_histories, update_history
from record.tables import TABLES, BuiltTable, build_table, open_record

__all__ = ["TABLES", "BuiltTable", "HistoryReport", "build_table", "open_histories", "open_record", "update_history"]
