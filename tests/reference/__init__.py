"""Slow, obvious Python that computes one person's features row by row; used by tests alone, as what SQL must equal."""
