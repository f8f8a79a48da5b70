"""What can go wrong that a person can put right: one sentence each, and the exit code that says which kind it is."""

from __future__ import annotations


class StopError(Exception):
    """Ends the command with one sentence and ``exit_code``; never with a stack trace."""

    exit_code = 1


class ProblemError(StopError):
    """The run, or the data, has a problem (exit code 1)."""


class MistakeError(StopError):
    """What was asked for cannot be done as asked (exit code 2)."""

    exit_code = 2


class LockedError(StopError):
    """Another process is writing to this home (exit code 3)."""

    exit_code = 3
