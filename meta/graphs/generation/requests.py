"""The figures that a series requests, each with all data, independent of the database."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from experiments.series_file.sections.graphs import GraphSpec
from meta.graphs.figure.default_graphs import default_graphs
from meta.graphs.figure.task import Failure, Task, failure
from meta.graphs.generation.extract import plan_graph
from meta.graphs.provenance.file_names import file_names
from meta.graphs.provenance.fingerprint import Fingerprints
from meta.graphs.provenance.origin import Origin
from meta.records.errors import GraphError
from meta.records.subsets import GraphRecords


@dataclass(frozen=True)
class FigureRequests:
    """The graphs of a series.

    Attributes
    ----------
    tasks : mapping of str to Task or Failure
        Each graph by its name, or why it cannot be drawn; in the order of the series file.
    specs : mapping of str to GraphSpec
        What each requests.
    note : str or None
        What has no graph, where none were requested.
    """

    tasks: Mapping[str, Task | Failure]
    specs: Mapping[str, GraphSpec]
    note: str | None = None


def figure_requests(records: GraphRecords, *, is_for_report: bool = False) -> FigureRequests:
    """Return the graphs that a series requests, or default ones where it requests none."""
    requested, note = records.requested, None
    if not requested:
        defaults = default_graphs(records.common)
        requested = [(spec, records.common) for spec in defaults.specs]
        if defaults.skipped:
            note = (
                f"not drawn: {', '.join(map(repr, defaults.skipped))}; the configurations differ in so much "
                "that no graph of all of them is legible. Series of fewer configurations can be drawn"
            )
    specs = [spec for spec, _ in requested]
    names = file_names(specs)
    fingerprints = Fingerprints()
    tasks: dict[str, Task | Failure] = {}
    for name, (spec, part) in zip(names, requested, strict=True):
        try:
            if isinstance(part, GraphError):
                raise part
            plan, extract = plan_graph(spec, part)
            origin = Origin.of(name, spec, extract, fingerprints, where=records.common.where)
            tasks[name] = Task(name, plan, extract, origin, is_for_report)
        except Exception as error:  # noqa: BLE001 - the other graphs are still wanted
            tasks[name] = failure(error)
    return FigureRequests(tasks, dict(zip(names, specs, strict=True)), note)
