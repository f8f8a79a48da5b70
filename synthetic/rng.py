"""Random numbers that depend only on what they are for.

A number is a hash of (seed, person, week, process), so the same person lives the same life whatever the chunk size,
the number of threads or who else is simulated, and a contact changes only what it is declared to change.
"""

from __future__ import annotations

import hashlib
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

U64 = NDArray[np.uint64]
F64 = NDArray[np.float64]
I64 = NDArray[np.int64]

_GOLDEN = 0x9E3779B97F4A7C15
_MASK = 0xFFFFFFFFFFFFFFFF


def _mix_in_place(x: U64) -> U64:
    """The finaliser of splitmix64 (Steele, Lea, Flood 2014), written over ``x``."""
    x ^= x >> np.uint64(30)
    x *= np.uint64(0xBF58476D1CE4E5B9)
    x ^= x >> np.uint64(27)
    x *= np.uint64(0x94D049BB133111EB)
    x ^= x >> np.uint64(31)
    return x


def _mix_int(x: int) -> int:
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & _MASK
    return x ^ (x >> 31)


@cache
def _process_key(process: str) -> int:
    return int.from_bytes(hashlib.blake2b(process.encode(), digest_size=8).digest(), "little")


def keyed(seed: int, ids: I64) -> U64:
    """A stream per id: the 64-bit key that every number about that person (or thing) starts from."""
    x = ids.astype(np.uint64) * np.uint64(_GOLDEN) + np.uint64(_mix_int((seed * 0x2545F4914F6CDD1D + 1) & _MASK))
    return _mix_in_place(x)


def uniform(keys: U64, process: str, when: int | I64 = 0) -> F64:
    """Numbers in (0, 1), one per key.

    Args:
        keys: from :func:`keyed`, shape (n,).
        process: what the number decides, e.g. ``"fall"``; different words give independent numbers.
        when: the week, or any other count that tells repeated draws apart: one for all, or one per key.
    """
    salt = _process_key(process)
    if isinstance(when, int | np.integer):
        x = keys ^ np.uint64(_mix_int((salt + int(when) * _GOLDEN) & _MASK))
    else:
        x = keys ^ _mix_in_place(when.astype(np.uint64) * np.uint64(_GOLDEN) + np.uint64(salt))
    x = _mix_in_place(x)
    x >>= np.uint64(11)
    out = x.astype(np.float64)
    out += 0.5
    out *= 2.0**-53
    return out


def normal(keys: U64, process: str, when: int | I64 = 0) -> F64:
    """Standard normal numbers, one per key."""
    return ndtri(uniform(keys, process, when))


def exponential(keys: U64, process: str, when: int | I64 = 0) -> F64:
    """Exponential numbers with mean 1, one per key."""
    return -np.log(uniform(keys, process, when))


def poisson(keys: U64, process: str, mean: F64, when: int | I64 = 0, most: int = 12) -> NDArray[np.int64]:
    """Poisson counts by inversion, cut at ``most``; exact enough for means up to about 4."""
    u = uniform(keys, process, when)
    term = np.exp(-mean)
    total = term.copy()
    count = np.zeros(len(keys), dtype=np.int64)
    for k in range(1, most + 1):
        above = u > total
        if not above.any():
            break
        count += above
        term = term * mean / k
        total = total + term
    return count


def pick(u: F64, weights: F64) -> NDArray[np.int64]:
    """Index drawn in proportion to ``weights`` (shape (k,) for all, or (n, k) one row each)."""
    if weights.ndim == 1:
        edges = np.cumsum(weights) / weights.sum()
        return np.minimum(np.searchsorted(edges, u, side="right"), len(weights) - 1)
    edges = np.cumsum(weights, axis=1)
    edges /= edges[:, -1:]
    return np.minimum((u[:, None] > edges).sum(axis=1), weights.shape[1] - 1)


def whole(x: F64) -> I64:
    """Rounded down to whole numbers."""
    return np.floor(x).astype(np.int64)


def permute(index: I64, size: int, seed: int) -> I64:
    """A keyed one-to-one shuffle of 0..size-1 (four Feistel rounds with cycle walking); order shows no pattern."""
    half = (max(size - 1, 1).bit_length() + 1) // 2
    mask = np.uint64((1 << half) - 1)
    out = index.astype(np.uint64)
    todo = np.ones(len(out), dtype=bool)
    while todo.any():
        x = out[todo]
        left, right = x >> np.uint64(half), x & mask
        for turn in range(4):
            f = _mix_in_place(right * np.uint64(_GOLDEN) + np.uint64(_mix_int((seed + 7919 * (turn + 1)) & _MASK)))
            left, right = right, (left ^ f) & mask
        x = (left << np.uint64(half)) | right
        out[todo] = x
        todo[todo] = x >= np.uint64(size)
    return out.astype(np.int64)
