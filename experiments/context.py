"""The context of an experiment, as users import it: `Run`, and the error of an invalid call of `run.log`."""

from __future__ import annotations

from experiments.attempt.context import MetricError, Run

__all__ = ["MetricError", "Run"]
