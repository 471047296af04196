"""Captions of graphs of estimates, and of values, that several kinds share."""

from __future__ import annotations

import numpy as np

from meta.graphs.captions.intervals import averaged_exceptions, describe, drawn_estimates
from meta.graphs.captions.phrases import pooled_size_text, sample_size_text
from meta.graphs.data.graph_data import GraphData, SampleSizes
from meta.graphs.data.per_value import marked
from meta.graphs.data.plan import Plan


def estimates_text(plan: Plan, data: GraphData, *, mark: str) -> str:
    """Return the sentence on estimates: of what, with which interval, over how many repetitions.

    Parameters
    ----------
    plan, data
        What is drawn.
    mark : str
        What the interval is drawn as, such as ``band``.
    """
    aggregator, shown = plan.aggregator, drawn_estimates(data)
    over = f"{aggregator.estimator.label} over {sample_size_text(shown.sample_sizes)}"
    if aggregator.interval == "none":
        return f"{over}."
    found = describe(aggregator, shown, unit="step" if plan.rules.over_steps else "point")
    if found.names:
        drawn = f"{found.names[:-1]}; {mark})" if found.names.endswith(")") else f"{found.names} ({mark})"
        estimate = f"{aggregator.estimator.label} with {drawn}"
        over = f"{estimate} over {sample_size_text(shown.sample_sizes)}"
    return f"{'; '.join([over, *found.exceptions, *averaged_exceptions(aggregator, shown)])}."


def drawn_sample_sizes(data: GraphData) -> SampleSizes:
    """Return the sample sizes of all estimates that are drawn; over time a curve may have gaps."""
    drawn = [line.interval for line in data.lines]
    return SampleSizes.joined([part.sample_sizes.where(np.isfinite(part.estimate)) for part in drawn])


def values_text(plan: Plan, data: GraphData) -> str:
    """Return the sentence on values that are drawn behind estimates, if some are."""
    if plan.spec.points:
        return " Small marks: each reading."
    is_any = any(len(readings) for line in data.lines for readings in marked(plan, line))
    return " Small marks: both readings, where n = 2." if is_any else ""


def summaries_text(data: GraphData, parts: str, *, least: int) -> str:
    """Return the sentences on boxes or violins: their parts, and what stands for those of too few values."""
    sample_sizes = drawn_sample_sizes(data)
    text = f"{pooled_size_text(sample_sizes)}."
    if sample_sizes.count.max() >= least:
        text += f" {parts}"
    if sample_sizes.count.min() < least:
        noun = "repetitions" if sample_sizes.configurations.max() == 1 else "experiments"
        text += f" Of fewer than {least} {noun} each reading is shown."
    return text
