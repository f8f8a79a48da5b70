"""The assets, one module a stage, grouped as an analyst sees them.

Belongs here: what Dagster shows and asks (keys, dependencies, owners, descriptions, checks, metadata) and the call of
the stage. Does not belong here: how a stage works (``pipelines.stages`` and the packages it calls). Assets hand each
other nothing in memory: what one wrote, the next reads from the lake.
"""

import warnings

import dagster as dg

# Backfill policies and code references are marked beta in the pinned release; its warning on every import helps nobody.
warnings.filterwarnings("ignore", category=dg.BetaWarning)
warnings.filterwarnings("ignore", category=dg.PreviewWarning)
