"""Seeds, derived by a hash of named components, never by counting."""

from __future__ import annotations

import hashlib

_MASK_31_BITS = 2**31 - 1


def seed_for(base: int, repetition: int, key: bytes | None) -> int:
    """Return the seed of an experiment: a 31-bit integer, the same on every machine and for ever.

    Parameters
    ----------
    base : int
        The base seed of the series; another one gives independent repetitions.
    repetition : int
        The experiment's repetition, from 0.
    key : bytes or None
        The configuration's key; None pairs the seeds: one repetition has the same seed in all
        configurations, so that differences between them are not due to different seeds.
    """
    configuration = "paired" if key is None else key.hex()
    text = f"seed:base={base}:repetition={repetition}:configuration={configuration}"
    digest = hashlib.sha256(text.encode()).digest()
    return int.from_bytes(digest[:4], "big") & _MASK_31_BITS
