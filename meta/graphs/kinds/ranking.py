"""Critical-difference diagrams: average ranks of methods, and which do not differ significantly."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MultipleLocator

from experiments.units import many
from meta.graphs.captions.missing_data import without_readings
from meta.graphs.captions.phrases import sample_size_text
from meta.graphs.data import method_table
from meta.graphs.data.csv_rows import Row
from meta.graphs.data.graph_data import GraphData, Line, Panel, Ranked, SampleSizes
from meta.graphs.data.plan import Plan
from meta.graphs.drawing.kind import DrawContext, Kind
from meta.graphs.theme import style
from meta.graphs.theme.layout import PageSpec
from meta.records.errors import GraphError
from meta.records.series_records import ConfigurationRecord, SeriesRecords
from meta.records.value_set import ABSENT, shortened
from meta.statistics.comparisons.ranking import nemenyi, rank_methods
from meta.statistics.comparisons.sample_size import ranking_warnings
from meta.statistics.intervals.resampling import DEFAULT_LEVEL

_MAX_LABEL = 24
_WITHOUT_A_SCORE = "Without a score"
#: Room for the words above the critical difference.
_ABOVE = 1.3
#: Two names of this length, one on each side, leave room for the axis in one column.
_SHORT_LABEL = 10
#: Height in inches of a name.
_NAME = 0.16
#: Vertical positions, in rows below the axis of ranks.
_CRITICAL, _FIRST_CLIQUE, _CLIQUE, _ROW = -2.1, 0.45, 0.45, 1.0


def compute(plan: Plan, records: SeriesRecords) -> GraphData:
    """Rank the values of x over everything that is averaged over.

    Raises
    ------
    GraphError
        The series file gives no goal for y, or there are too few methods or data sets.
    """
    is_score = method_table.goal(plan) == "max"
    names = (plan.x, *plan.spec.over)
    members = sorted(
        records.configurations, key=lambda member: [plan.place(name, member.parameters) for name in names]
    )
    methods: dict[str, list[ConfigurationRecord]] = {}
    for member in members:
        methods.setdefault(plan.value_label(plan.x, member.parameters), []).append(member)
    table = method_table.table(plan, list(methods.values()), [plan.x])
    try:
        ranking = rank_methods(table.scores, higher_is_better=is_score)
    except ValueError as error:
        methods_and_sets = (
            f"Methods are the values of {plan.x}, data sets those of {', '.join(plan.spec.over)}"
        )
        lacking = without_readings(table.coverage, _WITHOUT_A_SCORE)
        raise GraphError(" ".join([f"{error}. {methods_and_sets}.", *lacking]).removesuffix(".")) from error
    groups = nemenyi(ranking, level=plan.spec.level or DEFAULT_LEVEL)
    ranked = Ranked(list(methods), ranking, groups, table.counts)
    return GraphData(
        [Panel(None, ())],
        table.coverage,
        ranked=ranked,
        without_readings=_WITHOUT_A_SCORE,
        never="Ranked last",
    )


@dataclass(frozen=True)
class _Mark:
    """Where the name of a method is written: on which side of the axis, and how far below."""

    method: int
    rank: float
    is_left: bool
    depth: float


def _ranked(data: GraphData) -> Ranked:
    if data.ranked is None:
        raise ValueError("a ranking consists of ranks")
    return data.ranked


def _lowest(ranked: Ranked) -> float:
    return 0.5 + max(mark.depth for mark in _marks(ranked))


def _marks(ranked: Ranked) -> list[_Mark]:
    order = np.argsort(ranked.ranking.average_ranks, kind="stable").tolist()
    top = _FIRST_CLIQUE + _CLIQUE * len(ranked.groups.cliques) + 0.35
    half = (len(order) + 1) // 2
    marks = []
    for place, method in enumerate(order):
        is_left = place < half
        depth = top + _ROW * (place if is_left else len(order) - 1 - place)
        marks.append(_Mark(method, float(ranked.ranking.average_ranks[method]), is_left, depth))
    return marks


def draw(axes: Axes, _lines: Sequence[Line], context: DrawContext) -> None:
    """Draw the axis of ranks, a line from each rank to its method's name, and a bar for each clique."""
    ranked = _ranked(context.data)
    methods = len(ranked.methods)
    names = shortened(ranked.methods, _MAX_LABEL)
    axes.set_xlim(1.0, float(methods))
    axes.set_ylim(_lowest(ranked), _CRITICAL - _ABOVE)
    axes.spines[["left", "right", "bottom"]].set_visible(False)
    axes.spines["top"].set(visible=True, position=("data", 0.0))
    axes.xaxis.set_ticks_position("top")
    axes.xaxis.set_major_locator(MultipleLocator(max(1, methods // 8)))
    axes.set_yticks([])
    axes.grid(visible=False)
    edge = 0.03 * (methods - 1)
    for mark in _marks(ranked):
        end = 1.0 - edge if mark.is_left else methods + edge
        axes.plot(
            [mark.rank, mark.rank, end],
            [0.0, mark.depth, mark.depth],
            color=style.text_color(),
            linewidth=0.7,
            clip_on=False,
            label=ranked.methods[mark.method],
        )
        axes.text(
            end - edge / 2 if mark.is_left else end + edge / 2,
            mark.depth,
            f"{names[mark.method]} ({mark.rank:.2f})",
            ha="right" if mark.is_left else "left",
            va="center",
            fontsize=style.TICK_SIZE,
        )
    for level, clique in enumerate(ranked.groups.cliques):
        ranks = ranked.ranking.average_ranks[list(clique)]
        height = _FIRST_CLIQUE + _CLIQUE * level
        axes.plot(
            [ranks.min() - edge / 2, ranks.max() + edge / 2],
            [height, height],
            color=style.color(0),
            linewidth=3.0,
            solid_capstyle="butt",
            clip_on=False,
            label="no significant difference",
        )
    _draw_critical(axes, ranked, methods)


def _draw_critical(axes: Axes, ranked: Ranked, methods: int) -> None:
    """Draw the critical difference above the axis, as far as there is room."""
    length = min(ranked.groups.critical_difference, methods - 1.0)
    axes.plot(
        [1.0, 1.0 + length],
        [_CRITICAL, _CRITICAL],
        color=style.color(1),
        marker="|",
        markersize=5,
        linewidth=1.4,
        clip_on=False,
        label="critical difference",
    )
    more = " (longer than the axis)" if length < ranked.groups.critical_difference else ""
    axes.annotate(
        f"CD = {ranked.groups.critical_difference:.2f}{more}",
        (1.0, _CRITICAL),
        xytext=(0, 4),
        textcoords="offset points",
        ha="left",
        va="bottom",
        fontsize=style.TICK_SIZE,
        annotation_clip=False,
    )


def ranks(plan: Plan, data: GraphData) -> Iterator[Row]:
    """Yield the methods, best first, with the bars that they are on, counted from 1."""
    ranked = _ranked(data)
    values = dict(zip(plan.values[plan.x].labels, plan.values[plan.x].values, strict=True))
    for method in np.argsort(ranked.ranking.average_ranks, kind="stable").tolist():
        bars = [bar for bar, clique in enumerate(ranked.groups.cliques, 1) if method in clique]
        value = values[ranked.methods[method]]
        yield {
            f"parameters.{plan.x}": None if value is ABSENT else value,
            "result": plan.y.key,
            "average_rank": float(ranked.ranking.average_ranks[method]),
            "bars": " ".join(map(str, bars)),
            "critical_difference": ranked.groups.critical_difference,
            "data_sets": len(ranked.ranking.scores),
        }


def caption(context: DrawContext) -> str:
    """Return the caption: what is ranked over which data sets, and by which test methods are joined."""
    plan, ranked = context.plan, _ranked(context.data)
    ranking, groups = ranked.ranking, ranked.groups
    sizes = SampleSizes.of(ranked.counts[None])
    sentences = [
        f"average ranks (1 is best) over {len(ranking.scores)} data sets ({', '.join(plan.spec.over)}).",
        f"Each score is {method_table.numbers_text(plan)}, {sample_size_text(sizes)}.",
        f"{groups.test}, level {100 * groups.level:g} %: bars join what does not differ significantly.",
    ]
    if min(ranking.p_value, ranking.f_p_value) > 1 - groups.level:
        sentences.append("The Friedman test finds no difference at all, so pairs should not be read.")
    if ranking.left_out:
        sentences.append(
            f"{many(ranking.left_out, 'data set')} left out, because a method has no score there."
        )
    return " ".join(sentences)


def details(context: DrawContext) -> list[str]:
    """Return the p values of the tests over all methods, and how rough they are."""
    ranking = _ranked(context.data).ranking
    tests = f"Friedman test: {_p(ranking.p_value)}; Iman-Davenport F: {_p(ranking.f_p_value)}."
    return [tests, *ranking_warnings(ranking)]


def _p(value: float) -> str:
    return "p < 0.001" if value < 0.001 else f"p = {value:.2g}"


def page(context: DrawContext) -> PageSpec:
    """Return a page with room for the names on both sides."""
    ranked = _ranked(context.data)
    height = _NAME * (_ABOVE - _CRITICAL + _lowest(ranked)) + 0.15
    wide = max(map(len, ranked.methods)) > _SHORT_LABEL
    return PageSpec(0, context.plan.spec.size, height, wide, turn_ticks=False)


KIND = Kind(
    compute=compute,
    draw=draw,
    labels=lambda _plan: ("", ""),  # the caption explains the ranks
    caption=caption,
    details=details,
    rows=ranks,
    page=page,
)
