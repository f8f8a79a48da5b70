"""Artificial Derbyshire: people whose latent health drives events in every source, written as deliveries.

Belongs here: the population, the course of lives, the writers of each source, lags, corrections and faults, and the
true states that only evaluation may read. Every number a clinician may disagree with is in ``rules.yaml``.

Does not belong here: reading deliveries, features, models; any list of delivered columns (the contracts have those).
"""

from synthetic.deliveries import Manifest, generate

__all__ = ["Manifest", "generate"]
