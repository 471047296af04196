"""The page of a report: one self-contained HTML file."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from sqlalchemy import RowMapping

from database.failure_text.shortening import shortened_traceback
from database.queries.failures import FailureGroup
from experiments.parameters import flatten_recorded
from experiments.units import duration_text
from meta.graphs.captions.missing_data import counts_text
from meta.graphs.provenance.origin import code_version
from meta.records.value_set import ValueSet
from meta.report.completeness import completeness
from meta.report.figures import Figures
from meta.report.records import ReportRecords
from meta.tables.formats.html import html
from meta.tables.generate import TableResult

#: Control characters, which HTML forbids, and those that turn the direction of what follows.
_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufffe\uffff]")
#: At most so many values of a parameter are listed, the first ones.
_MAX_VALUES = 20
#: How many digits of the name of a set of code are shown.
_CODE_DIGITS = 12
#: So many causes of failures are listed, the most frequent first.
_MAX_CAUSES = 50
#: About so many lines of a message, of a traceback and of what an experiment wrote.
_MAX_LINES = 40


def render(
    records: ReportRecords,
    figures: Figures,
    tables: Sequence[TableResult],
    directory: Path,
    *,
    table_notes: Sequence[str],
) -> str:
    """Return the page.

    Parameters
    ----------
    records : ReportRecords
    figures : Figures
    tables : sequence of TableResult
    directory : Path
        The folder of the page: paths of other files are relative to it.
    table_notes : sequence of str
        If no tables were requested and no default ones can be made, the reason.
    """
    of_series = records.graphs.common
    values = of_series.parameter_values()
    varying = {name: distinct for name, distinct in values.items() if len(distinct) > 1}
    page = _template().render(
        records=records,
        series=records.series,
        where=records.graphs.common.where,
        completeness=completeness(of_series),
        figures=figures,
        tables=[(table, html(table.table) if table.table else "") for table in tables],
        table_notes=table_notes,
        varying=varying,
        fixed={name: distinct for name, distinct in values.items() if name not in varying},
        max_values=_MAX_VALUES,
        labels=of_series.labels,
        failures=[_cause(group, varying) for group in records.failures[:_MAX_CAUSES]],
        more_failures=max(0, len(records.failures) - _MAX_CAUSES),
        code=of_series.code.versions(),
        code_digits=_CODE_DIGITS,
        packages=_packages(records.runners),
        version=code_version(),
        shown=lambda path: path.relative_to(directory).as_posix(),
    )
    return _UNPRINTABLE.sub(lambda match: repr(match[0])[1:-1], page)


@cache
def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("meta.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "counts": counts_text,
        "moment": _moment,
        "duration": _duration,
        "command": shlex.join,
        "quoted": shlex.quote,
        "percent": _percent,
    }
    return environment.get_template("report.html")


def _cause(group: FailureGroup, varying: Mapping[str, ValueSet]) -> Mapping[str, Any]:
    details = group.details
    return {
        "group": group,
        "parameters": {
            name: varying[name].label(value)
            for name, value in flatten_recorded(group.example_parameters).items()
            if name in varying
        },
        "details": "\n".join(details[:_MAX_LINES] + (["[...]"] if len(details) > _MAX_LINES else [])),
        "output": group.example_reason.last_output(_MAX_LINES),
        "traceback": shortened_traceback(group.example_reason.traceback, _MAX_LINES),
    }


def _packages(runners: Sequence[RowMapping]) -> Mapping[str, str]:
    """Return the versions of each package; where runners had different ones, all of them."""
    versions: dict[str, dict[str, None]] = {}
    for runner in runners:
        for name, version in runner["packages"].items():
            versions.setdefault(name, {})[str(version)] = None
    return {name: ", ".join(versions[name]) for name in sorted(versions, key=str.lower)}


def _moment(value: datetime | None) -> str:
    return "–" if value is None else value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")  # noqa: RUF001 - a dash


def _duration(seconds: float | None) -> str:
    return "–" if seconds is None else duration_text(seconds)  # noqa: RUF001 - a dash


def _percent(count: int, total: int) -> str:
    """Return a share with three digits; all but one of a million is not 100 %."""
    text = f"{100 * count / total:.3g}"
    return "more than 99.9" if text == "100" and count < total else text
