"""The reference of the series file says what the code does."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import BaseModel

from experiments.series_file.loading import load_series_file
from experiments.series_file.models import (
    AnalysisSection,
    MetricSection,
    RepeatSection,
    ResampledSection,
    RunSection,
    SeriesFile,
)
from experiments.series_file.reading.errors import SeriesFileError
from experiments.series_file.sections.execute import (
    ExecuteSection,
    NotifySection,
    RecycleSection,
    RetriesSection,
    StopAfterSection,
)
from experiments.series_file.sections.graphs import GraphSpec, NormaliseSection
from experiments.series_file.sections.tables import TableSpec

TEXT = (Path(__file__).parents[4] / "docs" / "series-file.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL)

EXECUTE_SECTIONS: dict[str, type[BaseModel]] = {
    "retries": RetriesSection,
    "recycle": RecycleSection,
    "stop_after": StopAfterSection,
    "notify": NotifySection,
}


@pytest.mark.parametrize("example", EXAMPLES)
def test_each_example_is_a_valid_file(tmp_path: Path, example: str) -> None:
    """Every YAML block of the reference loads."""
    path = tmp_path / "exämple.yaml"
    path.write_text(example, encoding="utf-8")
    assert load_series_file(path).file.name


def test_the_second_example_has_every_key() -> None:
    """The complete example leaves out no key that there is."""
    written = set(re.findall(r"(\w+):", EXAMPLES[1]))
    assert set(_keys()) <= written


def test_every_key_is_in_a_table() -> None:
    """Each key has a row in the reference, or is named in the row of its section."""
    rows = "\n".join(line for line in TEXT.splitlines() if line.startswith("| `"))
    named = {part for code in re.findall(r"`([\w.]+)`", rows) for part in code.split(".")}
    assert set(_keys()) <= named


@pytest.mark.parametrize(
    ("section", "model"),
    [("execute", ExecuteSection), *((f"execute.{n}", m) for n, m in EXECUTE_SECTIONS.items())],
)
def test_defaults_are_those_of_the_code(section: str, model: type[BaseModel]) -> None:
    """The last column says what a key is worth that is left out."""
    for name, field in model.model_fields.items():
        found = re.search(rf"^\| `{section}\.{name}` \|.*\| ([^|]+) \|$", TEXT, re.MULTILINE)
        assert found, name
        default = field.default
        if field.is_required():
            written = "required"
        elif isinstance(default, bool | str):
            written = f"`{default}`".lower()
        elif isinstance(default, int | float):
            written = str(default)
        elif name in EXECUTE_SECTIONS:
            continue
        else:
            written = "none"
        assert found[1] == written, name


def test_the_errors_shown_are_the_errors_told(tmp_path: Path) -> None:
    """The messages of the reference are the program's own."""
    path = tmp_path / "first.yaml"
    path.write_text(
        "name: first\nrun: {function: a:b, functoin: train.py:main}\ngrid: {lr: [0.1, 0.1], depth: [2, 4]}\n"
        "repeat: {seeds: 5}\ngraphs: [{y: accuracy, x: dept, hue: lr}]\n"
    )
    shown = re.search(r"```text\n(.*?)```", TEXT, re.DOTALL)
    assert shown
    with pytest.raises(SeriesFileError) as caught:
        load_series_file(path)
    assert str(caught.value).replace(str(path), "first.yaml") == shown.group(1).strip()


def _keys() -> Iterator[str]:
    models: list[type[BaseModel]] = [
        SeriesFile,
        RunSection,
        RepeatSection,
        MetricSection,
        AnalysisSection,
        ResampledSection,
        ExecuteSection,
        *EXECUTE_SECTIONS.values(),
        GraphSpec,
        NormaliseSection,
        TableSpec,
    ]
    for model in models:
        yield from model.model_fields
