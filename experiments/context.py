"""The context of an experiment, as users import it: `Run`, and the error of a call that is wrong."""

from __future__ import annotations

from experiments.attempt.context import MetricError, Run

__all__ = ["MetricError", "Run"]
