"""What notes say of experiments that ran different code, or with different numbers of threads."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from database.code_names import code_digest
from database.code_sets import CodeSet, SeriesCodeSets
from experiments.series_file.sections.graphs import GraphSpec
from experiments.series_file.sections.tables import TableSpec
from meta.comparison import compare_values
from meta.graphs.captions.experiments_code import code_text
from meta.records.code_versions import ConfigurationCode, ExperimentsCode
from meta.records.series_records import SeriesRecords
from meta.report.completeness import completeness
from meta.tables.data.table import make_table
from tests.figures import whole_note

ONE = {"f.py": "a"}
WITH_HELPER = {"f.py": "a", "helper.py": "h"}
EDITED = {"f.py": "a", "helper.py": "i"}
ACCEPTED = ", which was accepted as the same."


def sets(*files: dict[str, str], accepted: int = 0, has_unknown: bool = False) -> SeriesCodeSets:
    """Return sets with the ids 1, 2 ...; so many of the first were accepted."""
    now = datetime.now(UTC)
    return SeriesCodeSets(
        tuple(
            CodeSet(number, code_digest(one), one, None, now, "user" if number <= accepted else None)
            for number, one in enumerate(files, 1)
        ),
        has_unknown,
    )


def told(parts: list[tuple[int, int | None, int | None, int]], known: SeriesCodeSets) -> list[str]:
    """Return the sentences on two configurations; a part is configuration, set, threads and count."""
    return code_text(ExperimentsCode([ConfigurationCode(*part) for part in parts], known), [[1], [2]])


def test_one_set_needs_no_word() -> None:
    """So do sets of which one has not imported a file, and no code at all."""
    assert told([(1, 1, 1, 6), (2, 1, 1, 6)], sets(ONE)) == []
    assert told([(1, 1, 1, 6), (1, 2, 1, 6)], sets(ONE, WITH_HELPER)) == []
    assert told([(1, 1, 1, 6), (2, 1, 1, 6)], sets(WITH_HELPER, EDITED)) == []
    assert told([], sets()) == []


def test_experiments_of_other_code_are_counted() -> None:
    """By repetitions where they are as many everywhere; sets that agree with the last one are not other."""
    known = sets(WITH_HELPER, ONE, EDITED)
    half = [(1, 1, 1, 6), (1, 3, 1, 6), (2, 1, 1, 6), (2, 3, 1, 6)]
    text = "6 of 12 repetitions of each configuration ran other code"
    assert told(half, known) == [f"{text}."]
    assert told(half, sets(WITH_HELPER, ONE, EDITED, accepted=3)) == [text + ACCEPTED]
    assert told(half, sets(WITH_HELPER, ONE, EDITED, accepted=1)) == [f"{text}."]
    assert told([(1, 1, 1, 6), (1, 2, 1, 1), (2, 3, 1, 5)], known) == ["6 of 12 experiments ran other code."]
    # The last set agrees with both, which differ.
    assert told([(1, 1, 1, 2), (1, 2, 1, 3), (2, 3, 1, 4)], sets(WITH_HELPER, EDITED, ONE)) == [
        "2 of 9 experiments ran other code."
    ]


def test_threads_and_what_was_not_recorded_are_told_in_a_clause_each() -> None:
    """What is unknown is not other; of rows made by hand nothing is expected."""
    known = sets(ONE, has_unknown=True)
    assert told([(1, 1, 1, 6), (2, 1, 8, 5)], known) == [
        "Experiments ran with different numbers of threads: 6 with 1, 5 with 8."
    ]
    assert told([(1, None, None, 6), (2, 1, 1, 5)], known) == [
        "Not recorded: code and threads of 6 of 11 experiments."
    ]
    assert told([(1, None, 1, 6), (2, 1, None, 5)], known) == [
        "Not recorded: code of 6 of 11 experiments, threads of 5 of 11 experiments."
    ]
    assert told([(1, None, 1, 6), (2, 1, 1, 5)], sets(ONE)) == ["Not recorded: code of 6 of 11 experiments."]
    assert told([(1, None, None, 6), (2, None, 1, 5)], sets()) == []


@pytest.fixture
def records(make_records) -> SeriesRecords:
    """Return a series of which half of the repetitions ran other code."""
    made = make_records({"a": [1, 2]}, results=lambda p, r: {"y": p["a"] + r}, repetitions=12)
    parts = [ConfigurationCode(member, code, 1, 6) for member in (1, 2) for code in (1, 2)]
    return replace(made, experiments_code=ExperimentsCode(parts, sets(WITH_HELPER, EDITED)))


@pytest.mark.parametrize("kind", ["bar", "line", "box", "strip", "heatmap"])
def test_figures_tell(records: SeriesRecords, kind: str) -> None:
    """Whatever is drawn of the repetitions."""
    asked = {"kind": kind, "y": "y", "x": "a"} | ({"rows": "a"} if kind == "heatmap" else {})
    note = whole_note(GraphSpec.model_validate(asked), records)
    assert "6 of 12 repetitions of each configuration ran other code." in note


def test_tables_reports_and_comparisons_tell(records: SeriesRecords) -> None:
    """A choice of experiments is judged by itself."""
    table = make_table(TableSpec(y="y", rows=("a",)), records)
    assert "6 of 12 repetitions in each cell ran other code." in table.notes
    text = "6 of 12 repetitions of each configuration ran other code."
    assert text in completeness(records).warnings
    assert text in compare_values(records, "a", "y").notes
    same = replace(records, experiments_code=replace(records.experiments_code, parts=records.code.parts[:1]))
    assert not any("code" in note for note in make_table(TableSpec(y="y", rows=("a",)), same).notes)
