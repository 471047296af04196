"""The figures of a report, each written with its numbers into a folder of its own."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from experiments.output.results_folder import write_atomically
from experiments.series_file.sections.graphs import GraphSpec
from meta.graphs.figure.task import DrawnFigure, Task
from meta.graphs.generation.process_pool import DrawingPool
from meta.graphs.generation.requests import figure_requests
from meta.graphs.generation.series_graphs import GraphProgress, GraphResult
from meta.graphs.provenance.file_names import title_of
from meta.graphs.theme.style import DPI
from meta.records.selection.subsets import GraphRecords

DATA_NAME, NOTE_NAME = "data.csv", "note.txt"
#: A drawing of more shapes than this makes a page slow; it is shown as a picture.
_MAX_SVG_BYTES = 300_000
#: CSS pixels for each inch of a figure: it was made for print, where letters may be smaller.
_PIXELS_PER_INCH = 128
_TYPES = {"svg": "image/svg+xml", "png": "image/png"}


@dataclass(frozen=True, kw_only=True)
class Figure(GraphResult):
    """One figure of a report; the last of its files are what is said about it, and the numbers.

    Attributes
    ----------
    spec : GraphSpec
    image : str
        The picture, as a data URL.
    width : int
        How wide it is shown, in CSS pixels: letters are as large as those of the page's notes.
    below, beside : str
        The text below it, and what else is said about it.
    """

    spec: GraphSpec
    image: str = ""
    width: int = 0
    below: str = ""
    beside: str = ""

    @property
    def title(self) -> str:
        """Its heading on the page."""
        return title_of(self.spec)

    @property
    def request(self) -> str:
        """The request, as it would be written in a series file."""
        request = self.spec.model_dump(mode="json", exclude_defaults=True)
        text: str = yaml.safe_dump(request, sort_keys=False, allow_unicode=True, default_flow_style=True)
        return text


@dataclass(frozen=True)
class Figures:
    """The figures in the order of the series file, and a note on default graphs left out."""

    drawn: Sequence[Figure]
    note: str | None


def draw_figures(
    records: GraphRecords, directory: Path, pool: DrawingPool, on_progress: Callable[[GraphProgress], None]
) -> Figures:
    """Draw and write all figures of a series.

    Parameters
    ----------
    records : GraphRecords
    directory : Path
        For a folder per figure, with its files, ``data.csv`` and ``note.txt``.
    pool : DrawingPool
    on_progress : callable
        Called after each figure.
    """
    series = records.common.name
    requests = figure_requests(records, is_for_report=True)
    done: dict[str, Figure] = {}

    def finish(figure: Figure) -> None:
        done[figure.name] = figure
        on_progress(GraphProgress(figure, len(done), len(requests.tasks)))

    tasks = []
    for name, task in requests.tasks.items():
        if isinstance(task, Task):
            tasks.append(task)
        else:
            finish(Figure(series, name, error=task.message, spec=requests.specs[name]))
    for task, drawn in pool.draw(tasks):
        if isinstance(drawn, DrawnFigure):
            finish(_written(series, task, drawn, directory / task.name))
        else:
            finish(Figure(series, task.name, error=drawn.message, spec=task.spec))
    return Figures([done[name] for name in requests.tasks], requests.note)


def _written(series: str, task: Task, drawn: DrawnFigure, folder: Path) -> Figure:
    files = {folder / f"{task.name}.{form}": drawn.files[form] for form in task.formats}
    files[folder / NOTE_NAME] = "".join(f"{sentence}\n" for sentence in drawn.note.sentences).encode()
    files[folder / DATA_NAME] = drawn.data
    try:
        for path, content in files.items():
            write_atomically(path, content)
    except OSError as error:
        return Figure(series, task.name, error=f"it could not be written: {error}", spec=task.spec)
    return Figure(
        series,
        task.name,
        tuple(files),
        spec=task.spec,
        image=_image(drawn.files),
        width=_width(drawn.files),
        below=drawn.note.below,
        beside=drawn.note.beside,
    )


def _image(files: Mapping[str, bytes]) -> str:
    """Return a picture as a URL: sharp at any size where that is not too large."""
    form = "svg" if 0 < len(files.get("svg", b"")) <= _MAX_SVG_BYTES else "png"
    return f"data:{_TYPES[form]};base64,{base64.b64encode(files[form]).decode()}"


def _width(files: Mapping[str, bytes]) -> int:
    """Return the width from the header of the PNG file, which is always written."""
    dots = int.from_bytes(files["png"][16:20], "big")
    return round(dots / DPI * _PIXELS_PER_INCH)
