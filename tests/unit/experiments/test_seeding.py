"""Seeds."""

from __future__ import annotations

from experiments.seeding import seed_for


def test_seeds_are_pinned() -> None:
    """These seeds are the same on every machine and in every version: results depend on them."""
    assert [seed_for(0, repetition, None) for repetition in range(3)] == [1150889982, 726273450, 1708732456]
    assert seed_for(1, 0, None) == 2137702040
    assert seed_for(0, 0, b"\0" * 16) == 1977471232


def test_seeds_fit_31_bits_and_rarely_meet() -> None:
    """Seeds are from 0 to 2**31 - 1 and spread over that range."""
    seeds = [seed_for(base, repetition, None) for base in range(10) for repetition in range(1000)]
    assert min(seeds) >= 0
    assert max(seeds) < 2**31
    assert len(set(seeds)) > 9_990
    assert abs(sum(seeds) / len(seeds) / 2**30 - 1) < 0.05


def test_an_unpaired_seed_depends_on_the_configuration() -> None:
    """Without pairing, two configurations have different seeds in one repetition."""
    assert len({seed_for(0, 0, key) for key in (None, b"a" * 16, b"b" * 16)}) == 3
