"""Rounding a number to the digits that are significant given its interval.

Half of the interval's width is given to two significant digits, and the value to the same place
(JCGM 100:2008, Guide to the expression of uncertainty in measurement, section 7.2.6). Where one side of the
interval is many times as long as the other, half of the width says nothing about the value and the nearer
end: each end then has the digits of its own side, and the value those of the shorter one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

#: Digits of a number without an interval.
_DIGITS = 4
#: Numbers are written with a power of ten outside of these, as ``%g`` does.
_LEAST, _MOST = -4, 6
#: With one side so many times as long as the other, no power of ten and no last place suits both.
_FAR = 10


@dataclass(frozen=True)
class Shown:
    """A value and its interval as texts.

    Attributes
    ----------
    value : str
    half, low, high : str
        Half of the interval's width, and its ends; empty without an interval.
    exponent : int
        All of them are to be multiplied by this power of ten.
    """

    value: str
    half: str = ""
    low: str = ""
    high: str = ""
    exponent: int = 0


def shown(value: float, low: float = math.nan, high: float = math.nan) -> Shown:
    """Return a value and its interval, rounded by the interval's width.

    Parameters
    ----------
    value : float
        Finite.
    low, high : float
        The ends of the interval; NaN where there is none.
    """
    half = (high - low) / 2
    has_interval = math.isfinite(half)
    largest = max(abs(value), half if has_interval else 0.0)
    exponent = _exponent(largest)
    if _LEAST <= exponent <= _MOST:
        exponent = 0
    scaled = [_scaled(number, exponent) for number in (value, half, low, high)]
    if not has_interval:
        return Shown(_significant(scaled[0]), exponent=exponent)
    if half == 0:
        text = _significant(scaled[0])
        return Shown(text, "0", text, text, exponent)
    # 0.0996 is 0.10: the exponent is that after rounding.
    decimals = 1 - _exponent(float(f"{scaled[1]:.1e}"))
    texts = [_fixed(number, decimals) for number in scaled]
    return Shown(texts[0], texts[1], texts[2], texts[3], exponent)


def shown_apart(value: float, low: float, high: float) -> Shown:
    """Return the same where it matters whether an interval holds 0: no end is written as 0 that is not."""
    numbers = shown(value, low, high)
    low_text, high_text = (
        text if not text or float(text) or not end else f"{_scaled(end, numbers.exponent):.1g}"
        for text, end in ((numbers.low, low), (numbers.high, high))
    )
    return replace(numbers, low=low_text, high=high_text)


def from_to(value: float, low: float, high: float) -> str:
    """Return from where to where the interval of a difference reaches."""
    ends = shown_apart(value, low, high)
    power = f" (times 10^{ends.exponent})" if ends.exponent else ""
    return f"from {ends.low} to {ends.high}{power}"


def is_far_lopsided(value: float, low: float, high: float) -> bool:
    """Say whether one side of an interval is so much longer than the other that no last place suits both.

    A side without any length has none.
    """
    short, long = sorted((value - low, high - value))
    return short > 0 and long > _FAR * short


def each_shown(value: float, low: float, high: float) -> tuple[Shown, Shown, Shown]:
    """Return a value and the ends of its interval, each rounded and with a power of ten by itself."""
    below, above = value - low, high - value
    return (
        _rounded(value, min(below, above)),
        _rounded(low, below),
        _rounded(high, above),
    )


def _rounded(number: float, side: float) -> Shown:
    """Return a number to the place of the second significant digit of a length."""
    exponent = _exponent(max(abs(number), side))
    if _LEAST <= exponent <= _MOST:
        exponent = 0
    decimals = 1 - _exponent(float(f"{_scaled(side, exponent):.1e}"))
    return Shown(_fixed(_scaled(number, exponent), decimals), exponent=exponent)


def _exponent(value: float) -> int:
    """Return the power of ten of the first digit."""
    return math.floor(math.log10(abs(value))) if value else 0


def _scaled(value: float, exponent: int) -> float:
    # 10.0 ** 320 is too large for a float, and 10.0 ** -320 has lost digits.
    half = exponent // 2
    return value / 10.0**half / 10.0 ** (exponent - half)


def _significant(value: float) -> str:
    return _fixed(value, max(0, _DIGITS - 1 - _exponent(float(f"{value:.{_DIGITS - 1}e}"))))


def _fixed(value: float, decimals: int) -> str:
    text = f"{round(value, decimals):.{max(0, decimals)}f}"
    return text.removeprefix("-") if not float(text) else text


def p_text(p_value: float) -> str:
    """Return a p value with two digits, that it is very small, or a dash where nothing was tested."""
    if math.isnan(p_value):
        return "-"
    return "< 0.0001" if p_value < 0.0001 else f"{p_value:.2g}"
