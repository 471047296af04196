"""Numbers about repetitions: arrays in, frozen results out; no database, no drawing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from database.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from meta.statistics.comparisons.comparison import PairComparison, compare_all, compare_pairs
    from meta.statistics.comparisons.difference import Difference, difference
    from meta.statistics.comparisons.effects import Effects, effect_sizes
    from meta.statistics.comparisons.guards import (
        balance_guards,
        interval_guards,
        ranking_guards,
        significance_guards,
    )
    from meta.statistics.comparisons.improvement import Improvement, probability_of_improvement
    from meta.statistics.comparisons.profiles import (
        PerformanceProfile,
        performance_profile,
        score_distribution,
    )
    from meta.statistics.comparisons.ranking import Ranking, nemenyi, rank_methods, wilcoxon_holm
    from meta.statistics.comparisons.sample_size import repetitions_for_width, repetitions_to_decide
    from meta.statistics.comparisons.significance import (
        Significance,
        holm,
        mann_whitney,
        permutation,
        wilcoxon,
    )
    from meta.statistics.estimators.areas import Areas, areas_under
    from meta.statistics.estimators.curves import Curve, CurveMatrix
    from meta.statistics.estimators.location import Estimator, estimator
    from meta.statistics.estimators.quartiles import BoxSummary, box_summary
    from meta.statistics.estimators.spread import Spread, spread
    from meta.statistics.intervals.aggregate import Aggregate, aggregate
    from meta.statistics.intervals.aggregate_curves import aggregate_curves
    from meta.statistics.intervals.bootstrap import Interval, bootstrap_interval
    from meta.statistics.intervals.order_statistics import quantile_interval
    from meta.statistics.intervals.rates import Rate, rate_interval
    from meta.statistics.intervals.resampling import Resampling

__all__ = [
    "Aggregate",
    "Areas",
    "BoxSummary",
    "Curve",
    "CurveMatrix",
    "Difference",
    "Effects",
    "Estimator",
    "Improvement",
    "Interval",
    "PairComparison",
    "PerformanceProfile",
    "Ranking",
    "Rate",
    "Resampling",
    "Significance",
    "Spread",
    "aggregate",
    "aggregate_curves",
    "areas_under",
    "balance_guards",
    "bootstrap_interval",
    "box_summary",
    "compare_all",
    "compare_pairs",
    "difference",
    "effect_sizes",
    "estimator",
    "holm",
    "interval_guards",
    "mann_whitney",
    "nemenyi",
    "performance_profile",
    "permutation",
    "probability_of_improvement",
    "quantile_interval",
    "rank_methods",
    "ranking_guards",
    "rate_interval",
    "repetitions_for_width",
    "repetitions_to_decide",
    "score_distribution",
    "significance_guards",
    "spread",
    "wilcoxon",
    "wilcoxon_holm",
]

__getattr__ = lazy_exports(
    __name__,
    {
        "Aggregate": "intervals.aggregate",
        "Areas": "estimators.areas",
        "BoxSummary": "estimators.quartiles",
        "Curve": "estimators.curves",
        "CurveMatrix": "estimators.curves",
        "Difference": "comparisons.difference",
        "Effects": "comparisons.effects",
        "Estimator": "estimators.location",
        "Improvement": "comparisons.improvement",
        "Interval": "intervals.bootstrap",
        "PairComparison": "comparisons.comparison",
        "PerformanceProfile": "comparisons.profiles",
        "Ranking": "comparisons.ranking",
        "Rate": "intervals.rates",
        "Resampling": "intervals.resampling",
        "Significance": "comparisons.significance",
        "Spread": "estimators.spread",
        "aggregate": "intervals.aggregate",
        "aggregate_curves": "intervals.aggregate_curves",
        "areas_under": "estimators.areas",
        "balance_guards": "comparisons.guards",
        "bootstrap_interval": "intervals.bootstrap",
        "box_summary": "estimators.quartiles",
        "compare_all": "comparisons.comparison",
        "compare_pairs": "comparisons.comparison",
        "difference": "comparisons.difference",
        "effect_sizes": "comparisons.effects",
        "estimator": "estimators.location",
        "holm": "comparisons.significance",
        "interval_guards": "comparisons.guards",
        "mann_whitney": "comparisons.significance",
        "nemenyi": "comparisons.ranking",
        "performance_profile": "comparisons.profiles",
        "permutation": "comparisons.significance",
        "probability_of_improvement": "comparisons.improvement",
        "quantile_interval": "intervals.order_statistics",
        "rank_methods": "comparisons.ranking",
        "ranking_guards": "comparisons.guards",
        "rate_interval": "intervals.rates",
        "repetitions_for_width": "comparisons.sample_size",
        "repetitions_to_decide": "comparisons.sample_size",
        "score_distribution": "comparisons.profiles",
        "significance_guards": "comparisons.guards",
        "spread": "estimators.spread",
        "wilcoxon": "comparisons.significance",
        "wilcoxon_holm": "comparisons.ranking",
    },
)
