"""Wires the stages together and lets people run them, look at them and read what they published.

Belongs here: the store (the only place that knows paths and connections), the lock, the stages in their order, the
Dagster definitions (assets, checks, jobs, schedule, sensor), publication, and the command line.

Does not belong here: how a row is checked, what a feature means, how a model is fitted, what a list says. Those are
asked of ``data_contracts``, ``record``, ``features``, ``models``, ``outreach`` and ``commissioning``, none of which
imports this package. Nothing here opens a connection when it is imported.
"""
