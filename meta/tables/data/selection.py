"""Selecting the best setting of the parameters that are neither in rows nor in columns of a table.

The choice is made by the same readings that are shown, so that what was chosen looks somewhat better than new
repetitions would; the note below the table says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy import stats

from meta.records.readings import Point
from meta.records.series_records import ConfigurationRecord, SeriesRecords
from meta.statistics.estimators.ties import merged_scores
from meta.tables.data.cells import Cells, Place, make_cells, members_by_place
from meta.tables.data.plan import Key, TablePlan

_Members = Sequence[ConfigurationRecord]


@dataclass(frozen=True)
class _Candidate:
    """A setting, and its configurations in each of the cells that share the choice."""

    setting: Key
    members: Mapping[Place, _Members]


def select_cells(plan: TablePlan, records: SeriesRecords) -> Cells:
    """Return the cells of a table, with the best setting of each if `select` is given.

    One setting is taken for all cells of a row (or column): the one with the best mean rank over them, so
    that the scale of each does not matter. Settings without a reading in one of the cells are not candidates.
    """
    by_place = members_by_place(plan, records)
    rows = sorted({row for row, _ in by_place})
    columns = sorted({column for _, column in by_place})
    if not plan.chosen:
        cells = make_cells(plan, records, {place: ((), members) for place, members in by_place.items()})
        return Cells(rows, columns, cells)
    groups: dict[Place, dict[Place, _Members]] = {}
    for place, members in by_place.items():
        groups.setdefault(plan.shared(*place), {})[place] = members
    chosen: dict[Place, tuple[Key, list[ConfigurationRecord]]] = {}
    unfit, settings = [], 0
    refused: dict[str, None] = {}
    for shared, group in groups.items():
        candidates = _candidates(plan, group)
        settings = max(settings, len(candidates))
        fit = _fit(plan, candidates)
        best = _best(plan, records, fit)
        if best is not None:
            fit_settings = {candidate.setting for candidate, _ in fit}
            others = (one.setting for one in candidates if one.setting not in fit_settings)
            refused |= {
                f"{plan.place_label(*shared)}: {plan.described(plan.chosen, one)}": None for one in others
            }
        if best is None:
            unfit.append(plan.place_label(*shared))
            best = _Candidate((), group)
        chosen |= {place: (best.setting, list(members)) for place, members in best.members.items()}
    return Cells(rows, columns, make_cells(plan, records, chosen), settings, unfit, list(refused))


def _candidates(plan: TablePlan, group: Mapping[Place, _Members]) -> list[_Candidate]:
    by_setting: dict[Key, dict[Place, list[ConfigurationRecord]]] = {}
    for place, members in group.items():
        for member in members:
            setting = plan.key(plan.chosen, member.parameters)
            by_setting.setdefault(setting, {}).setdefault(place, []).append(member)
    return [_Candidate(setting, by_setting[setting]) for setting in sorted(by_setting)]


def _fit(plan: TablePlan, candidates: Sequence[_Candidate]) -> list[tuple[_Candidate, list[Point]]]:
    """Return the settings that have readings in all cells, each with its readings."""
    places = sorted({place for candidate in candidates for place in candidate.members})
    fit = []
    for candidate in candidates:
        points = [
            Point.of(candidate.members[place], plan.y.key) for place in places if place in candidate.members
        ]
        if len(points) == len(places) and all(point.is_complete for point in points):
            fit.append((candidate, points))
    return fit


def _best(
    plan: TablePlan, records: SeriesRecords, fit: Sequence[tuple[_Candidate, Sequence[Point]]]
) -> _Candidate | None:
    """Return the setting of the best mean rank, None without one."""
    if not fit:
        return None
    aggregator = replace(plan.aggregator, interval="none")
    estimates = np.array(
        [
            aggregator.of_points(
                [point.scores for point in points], [point.members for point in points]
            ).estimate
            for _, points in fit
        ]
    )
    of_each_place = merged_scores(estimates.T)
    ranks = stats.rankdata(-of_each_place if plan.goal == "max" else of_each_place, axis=1)
    return fit[int(ranks.mean(axis=0).argmin())][0]
