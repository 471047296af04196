"""Results and parameters by dotted name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from experiments.parameters import ParameterError, flatten


def flat_results(results: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return results by dotted name; those whose names contradict each other stay nested."""
    if results and not any(isinstance(value, dict) for value in results.values()):
        return dict(results)  # nearly all are flat, and there may be many
    try:
        return flatten(results or {})
    except ParameterError:
        return dict(results or {})
