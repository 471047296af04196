"""Numbers about repetitions: arrays in, frozen results out; no database, no drawing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from database.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from meta.statistics.comparisons.difference import Difference as Difference
    from meta.statistics.comparisons.difference import Stratum as Stratum
    from meta.statistics.comparisons.difference import difference as difference
    from meta.statistics.comparisons.effects import Effects as Effects
    from meta.statistics.comparisons.effects import effect_sizes as effect_sizes
    from meta.statistics.comparisons.over_tasks import Improvement as Improvement
    from meta.statistics.comparisons.over_tasks import PerformanceProfile as PerformanceProfile
    from meta.statistics.comparisons.over_tasks import performance_profile as performance_profile
    from meta.statistics.comparisons.over_tasks import (
        probability_of_improvement as probability_of_improvement,
    )
    from meta.statistics.comparisons.over_tasks import score_distribution as score_distribution
    from meta.statistics.comparisons.pairwise import PairComparison as PairComparison
    from meta.statistics.comparisons.pairwise import compare_all as compare_all
    from meta.statistics.comparisons.pairwise import compare_pairs as compare_pairs
    from meta.statistics.comparisons.ranking import Ranking as Ranking
    from meta.statistics.comparisons.ranking import nemenyi as nemenyi
    from meta.statistics.comparisons.ranking import rank_methods as rank_methods
    from meta.statistics.comparisons.ranking import wilcoxon_holm as wilcoxon_holm
    from meta.statistics.comparisons.resampled_splits import corrected_resampled_t as corrected_resampled_t
    from meta.statistics.comparisons.resampled_splits import splits_to_decide as splits_to_decide
    from meta.statistics.comparisons.sample_size import interval_warnings as interval_warnings
    from meta.statistics.comparisons.sample_size import ranking_warnings as ranking_warnings
    from meta.statistics.comparisons.sample_size import repetitions_for_width as repetitions_for_width
    from meta.statistics.comparisons.sample_size import repetitions_to_decide as repetitions_to_decide
    from meta.statistics.comparisons.sample_size import (
        significance_warnings as significance_warnings,
    )
    from meta.statistics.comparisons.significance import Significance as Significance
    from meta.statistics.comparisons.significance import holm as holm
    from meta.statistics.comparisons.significance import mann_whitney as mann_whitney
    from meta.statistics.comparisons.significance import permutation as permutation
    from meta.statistics.comparisons.significance import wilcoxon as wilcoxon
    from meta.statistics.estimators.areas import Areas as Areas
    from meta.statistics.estimators.areas import areas_under as areas_under
    from meta.statistics.estimators.curves import Curve as Curve
    from meta.statistics.estimators.curves import CurveMatrix as CurveMatrix
    from meta.statistics.estimators.location import Estimator as Estimator
    from meta.statistics.estimators.location import estimator as estimator
    from meta.statistics.estimators.spread import Spread as Spread
    from meta.statistics.estimators.spread import spread as spread
    from meta.statistics.intervals.aggregate import Aggregate as Aggregate
    from meta.statistics.intervals.aggregate import aggregate as aggregate
    from meta.statistics.intervals.aggregate_curves import CurveAggregate as CurveAggregate
    from meta.statistics.intervals.aggregate_curves import aggregate_curves as aggregate_curves
    from meta.statistics.intervals.bootstrap import Interval as Interval
    from meta.statistics.intervals.bootstrap import bootstrap_interval as bootstrap_interval
    from meta.statistics.intervals.exact import Rate as Rate
    from meta.statistics.intervals.exact import quantile_interval as quantile_interval
    from meta.statistics.intervals.exact import rate_interval as rate_interval
    from meta.statistics.intervals.resampling import Resampling as Resampling
    from meta.statistics.intervals.rule import Intervals as Intervals
    from meta.statistics.intervals.rule import Known as Known
    from meta.statistics.intervals.rule import confidence_interval as confidence_interval
    from meta.statistics.intervals.rule import student_interval as student_interval

__getattr__, __all__ = lazy_exports(
    __name__,
    {
        "comparisons.pairwise": ["PairComparison", "compare_all", "compare_pairs"],
        "comparisons.difference": ["Difference", "Stratum", "difference"],
        "comparisons.effects": ["Effects", "effect_sizes"],
        "comparisons.over_tasks": [
            "Improvement",
            "PerformanceProfile",
            "performance_profile",
            "probability_of_improvement",
            "score_distribution",
        ],
        "comparisons.ranking": ["Ranking", "nemenyi", "rank_methods", "wilcoxon_holm"],
        "comparisons.resampled_splits": ["corrected_resampled_t", "splits_to_decide"],
        "comparisons.sample_size": [
            "interval_warnings",
            "ranking_warnings",
            "repetitions_for_width",
            "repetitions_to_decide",
            "significance_warnings",
        ],
        "comparisons.significance": ["Significance", "holm", "mann_whitney", "permutation", "wilcoxon"],
        "estimators.areas": ["Areas", "areas_under"],
        "estimators.curves": ["Curve", "CurveMatrix"],
        "estimators.location": ["Estimator", "estimator"],
        "estimators.spread": ["Spread", "spread"],
        "intervals.aggregate": ["Aggregate", "aggregate"],
        "intervals.aggregate_curves": ["CurveAggregate", "aggregate_curves"],
        "intervals.bootstrap": ["Interval", "bootstrap_interval"],
        "intervals.exact": ["Rate", "quantile_interval", "rate_interval"],
        "intervals.resampling": ["Resampling"],
        "intervals.rule": ["Intervals", "Known", "confidence_interval", "student_interval"],
    },
)
