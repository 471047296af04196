"""What is told where no experiment is chosen."""

from __future__ import annotations

from experiments.units import many


def none_of(count: int, series: str, *, where: str | None, otherwise: str | None = None) -> str:
    """Return the message that no experiment is chosen: the same of all commands, graphs and tables.

    Parameters
    ----------
    count : int
        How many experiments there are to choose from: those where `where` is true, if `otherwise` is given.
    series : str
        The name of their series.
    where : str or None
        The expression that chooses experiments.
    otherwise : str, optional
        What none of them is, such as ``is completed``.
    """
    chosen = "" if where is None or otherwise is None else f" where {where}"
    return f"none of {many(count, 'experiment')} of {series}{chosen} {otherwise or f'is one where {where}'}"
