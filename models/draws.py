"""Choices that look like chance and are the same in every run: they depend on whole numbers alone."""

from __future__ import annotations

import numpy as np


def mix(number: np.ndarray, salt: int) -> np.ndarray:
    """A number in [0, 1) for each whole number (the finishing steps of the splitmix64 generator)."""
    with np.errstate(over="ignore"):
        z = number.astype(np.uint64) + np.uint64(salt) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return (z ^ (z >> np.uint64(31))).astype(np.float64) / 2.0**64
