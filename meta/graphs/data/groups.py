"""Groups of configurations: those of each line on each panel, and of each of its points."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from meta.graphs.data.graph_data import Coverage, Estimates, Line, Panel
from meta.graphs.data.plan import MAX_LINES, MAX_PANELS, Plan
from meta.graphs.theme.style import LineStyle
from meta.records.errors import GraphError
from meta.records.series_records import ConfigurationRecord, SeriesRecords
from meta.statistics.estimators.arrays import Floats

#: Rows of a heatmap are read by their labels, not by colours.
_MAX_ROWS = 60
#: So many incomplete averages are named; the others are counted.
_MOST_NAMED = 4


@dataclass(frozen=True)
class Group:
    """The configurations of one line on one panel, in the order of x.

    Attributes
    ----------
    place : tuple of int
        The row and column of the panel.
    title : str or None
        Of the panel.
    label : str
        Of the line.
    number : int
        Of the line among those of the figure.
    style : LineStyle
    parameters : mapping of str to object
        The parameters in label and title.
    members : list of ConfigurationRecord
    """

    place: tuple[int, int]
    title: str | None
    label: str
    number: int
    style: LineStyle
    parameters: Mapping[str, Any]
    members: list[ConfigurationRecord] = field(default_factory=list)

    def points(self, plan: Plan, names: Sequence[str]) -> list[list[ConfigurationRecord]]:
        """Return the configurations of each point: those with the same values of these parameters."""
        points: dict[tuple[int, ...], list[ConfigurationRecord]] = {}
        for member in self.members:
            points.setdefault(tuple(_places(plan, names, member)), []).append(member)
        return list(points.values())

    def line(self, x: Floats, interval: Estimates, **others: Any) -> Line:
        """Return the line of this group; `others` are further fields of it."""
        return Line(self.label, self.number, self.style, x, interval, parameters=self.parameters, **others)

    def cell_label(self, plan: Plan, member: ConfigurationRecord) -> str:
        """Return the name of a configuration's point in the caption."""
        names = [name for name in (*plan.facets, *plan.hues) if len(plan.values[name]) > 1]
        if not plan.rules.over_steps and len(plan.values[plan.x]) > 1:
            names.append(plan.x)
        return plan.described(list(dict.fromkeys(names)), member.parameters)


def make_groups(plan: Plan, records: SeriesRecords) -> list[Group]:
    """Return the groups by panel, then line; their members by x.

    Raises
    ------
    GraphError
        There would be more lines or panels than can be read.
    """
    names = [*plan.facets, *plan.hues, *([] if plan.rules.over_steps else [plan.x])]
    by_line = sorted(records.configurations, key=lambda member: _places(plan, plan.hues, member))
    styles: dict[str, tuple[int, LineStyle]] = {}
    colors: dict[tuple[int, ...], int] = {}
    style = plan.spec.style
    for configuration in by_line:
        label = plan.line_label(configuration.parameters)
        if label not in styles:
            hues = [name for name in plan.hues if name != style]
            color = colors.setdefault(tuple(_places(plan, hues, configuration)), len(colors))
            mark = len(styles) if style is None else plan.place(style, configuration.parameters)
            styles[label] = len(styles), LineStyle(color, mark)
    groups: dict[tuple[str | None, str], Group] = {}
    panels: dict[str | None, tuple[int, int]] = {}
    for configuration in sorted(records.configurations, key=lambda member: _places(plan, names, member)):
        title = plan.panel_title(configuration.parameters)
        label = plan.line_label(configuration.parameters)
        panels.setdefault(title, (0, len(panels)) if plan.row is None else _panel(plan, configuration))
        number, line_style = styles[label]
        chosen_parameters = plan.chosen_parameters((*plan.facets, *plan.hues), configuration.parameters)
        group = groups.setdefault(
            (title, label), Group(panels[title], title, label, number, line_style, chosen_parameters)
        )
        group.members.append(configuration)
    _check_counts(plan, [title for title, _ in groups])
    return list(groups.values())


def _panel(plan: Plan, configuration: ConfigurationRecord) -> tuple[int, int]:
    row, column = (
        0 if name is None else plan.place(name, configuration.parameters) for name in (plan.row, plan.column)
    )
    return row, column


def panels_of(
    plan: Plan, groups: Sequence[Group], lines: Sequence[Line | None], coverage: Sequence[Coverage]
) -> list[Panel]:
    """Return the panels of these groups with the line of each; a panel may be empty, but not all of them.

    Raises
    ------
    GraphError
        There is no line; the message says what each point lacks.
    """
    if not any(lines):
        raise GraphError(_nothing_to_draw(plan, coverage))
    by_place: dict[tuple[int, int], list[Line]] = {group.place: [] for group in groups}
    titles = {group.place: group.title for group in groups}
    for group, line in zip(groups, lines, strict=True):
        if line is not None:
            by_place[group.place].append(line)
    return [Panel(titles[place], drawn, *place) for place, drawn in by_place.items()]


def _nothing_to_draw(plan: Plan, coverage: Sequence[Coverage]) -> str:
    if not any(covered.readings for covered in coverage):
        of_which = "it" if plan.across is None else f"both {plan.across.name!r} and {plan.y.name!r}"
        return f"no completed experiment has a finite reading of {of_which}: nothing to draw"
    over = ", ".join(plan.spec.over)
    lacking = [covered.lacking_label for covered in coverage if covered.lacking]
    if not lacking:
        return f"nothing to draw: no step has a value of each configuration averaged over {over}"
    more = f" and {len(lacking) - _MOST_NAMED:,} more" if len(lacking) > _MOST_NAMED else ""
    return (
        f"nothing to draw: every average over {over} lacks configurations, which have no finite reading: "
        f"{'; '.join(lacking[:_MOST_NAMED])}{more}. Choose others (where), or do not average over {over}"
    )


def _places(plan: Plan, names: Sequence[str], configuration: ConfigurationRecord) -> list[int]:
    return [plan.place(name, configuration.parameters) for name in names]


def _check_counts(plan: Plan, panels: Sequence[str | None]) -> None:
    distinct = dict.fromkeys(panels)
    if len(distinct) > MAX_PANELS:
        facets = " and ".join(repr(name) for name in plan.facets)
        raise GraphError(
            f"{facets} has {len(distinct)} values, and more than {MAX_PANELS} panels cannot be read; "
            "use another facet"
        )
    most = max((panels.count(panel) for panel in distinct), default=0)
    limit = MAX_LINES if plan.spec.rows is None else _MAX_ROWS
    if most > limit:
        raise GraphError(
            f"{most} lines in one panel cannot be distinguished (at most {limit}): configurations differ in "
            f"{', '.join(f'{name} ({len(plan.values[name])} values)' for name in plan.hues)}. {_advice(plan)}"
        )


def _advice(plan: Plan) -> str:
    """Return advice that leads to fewer lines; naming a hue does not."""
    by_size = sorted(plan.hues, key=lambda name: len(plan.values[name]), reverse=True)
    advice = []
    if plan.rules.over_steps:
        advice.append(f"draw the last value against one of them (x: {by_size[0]})")
    facet = next((name for name in by_size if len(plan.values[name]) <= MAX_PANELS), None)
    if not plan.facets and facet is not None:
        advice.append(f"make one of them the facet (facet: {facet})")
    advice.append(f"average over one of them on purpose (over: {by_size[-1]})")
    advice.append("choose some of their values (where)")
    text = ", or ".join(advice)
    return text[0].upper() + text[1:]
