"""What kinds and options of graphs read of the rows, on both databases."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
from sqlalchemy import select

from database.models import Attempt, Experiment, ExperimentStatus, Outcome, Runner, Worker
from database.session.lifecycle import scoped_session
from experiments.series_file.loading import load_series_file
from experiments.series_file.sections.graphs import GraphSpec
from meta.generate_aggregate_graphs import generate_all_graphs
from meta.records.read_records import read_records
from meta.records.selection.parameter_filter import with_parameters
from tests.figures import make_figure, whole_note

START = datetime(2026, 1, 1, 12, tzinfo=UTC)
GRID = {"lr": [0.1, 0.2], "data": ["x", "y"]}


def note_of(figure) -> str:
    return figure.texts[-1].get_text().replace("\n", " ")


def test_why_experiments_failed_is_on_the_figure(database_url: str, write_series, written) -> None:
    """The outcome of the last attempt counts, per configuration; other statuses are told as they are."""

    def left(parameters, repetition: int):
        if parameters["lr"] == 0.1 and repetition < 2:
            return written(status=ExperimentStatus.FAILED)
        if parameters["lr"] == 0.2 and repetition == 0:
            return written(status=ExperimentStatus.CLAIMED)
        return written(results={"y": float(repetition)})

    graphs = [{"kind": "bar", "y": "y", "x": "lr", "over": "data"}]
    with scoped_session() as session:
        write_series(session, left, grid=GRID, repeat={"seeds": 5}, graphs=graphs)
        failed = session.scalars(
            select(Attempt).join(Experiment).where(Experiment.status == ExperimentStatus.FAILED)
        ).all()
        failed[0].outcome = Outcome.TIMED_OUT
        failed[1].outcome = Outcome.OUT_OF_MEMORY
        failed[2].outcome = Outcome.RELEASED
    with scoped_session(read_only=True) as session:
        records = read_records(session, "study")
    note = whole_note(records.specs[0], records)
    assert "1 error, 1 timed out, 1 out of memory, 1 failed, 2 pending of 20 experiments left out." in note
    assert "Not finished, 90 % complete." in note
    assert "Shown by survivors only: lr=0.1 (6 of 10)." in note
    chosen = with_parameters(records, {"lr": 0.2})
    assert (chosen.size(), dict(chosen.missing())) == (10, {"pending": 2})


def test_shares_are_of_all_that_ran_to_an_end(database_url: str, write_series, written) -> None:
    """What failed by itself, or returned inf or no result, never got there, whichever the database stores."""

    def left(parameters, repetition: int):
        if parameters["method"] == "bad" and repetition % 4:
            return written(status=ExperimentStatus.FAILED) if repetition == 1 else written(results=lost)
        return written(results={"hit": 10.0 * repetition, "cost": 10.0 * repetition})

    lost = {"cost": float("inf")}
    graphs = [{"kind": "ecdf", "y": y, "hue": "method"} for y in ("hit", "cost")]
    metrics = {y: {"goal": "min"} for y in ("hit", "cost")}
    with scoped_session() as session:
        grid = {"method": ["good", "bad"]}
        write_series(session, left, grid=grid, repeat={"seeds": 12}, graphs=graphs, metrics=metrics)
    with scoped_session(read_only=True) as session:
        records = read_records(session, "study")
    for spec in records.specs:
        figure = make_figure(spec, records)
        (bad,) = (line for line in figure.axes[0].lines if line.get_label() == "bad")
        assert max(bad.get_ydata()) == 3 / 12
        entries = [text.get_text() for text in figure.legends[0].get_texts()]
        assert entries == ["good (12 of 12)", "bad (3 of 12)"]
        assert "9 of 24 experiments never reached it and count: 1 error, 8 " in note_of(figure)


def test_how_long_what_timed_out_had_run_is_read(database_url: str, write_series, written) -> None:
    """Limits may differ, as a series that is run again may have another one."""
    graphs = [{"kind": "ecdf", "y": "y", "missing": "never"}]
    with scoped_session() as session:
        write_series(
            session,
            lambda _p, r: written(status=ExperimentStatus.FAILED) if r < 3 else written(results={"y": r}),
            grid={"lr": [0.1]},
            repeat={"seeds": 5},
            graphs=graphs,
            metrics={"y": {"goal": "min", "unit": "s"}},
        )
        failed = session.scalars(
            select(Attempt).join(Experiment).where(Experiment.status == ExperimentStatus.FAILED)
        ).all()
        for attempt, duration_s in zip(failed, (2.5, 3.25, 9.0), strict=True):
            attempt.outcome = Outcome.ERROR if duration_s == 9 else Outcome.TIMED_OUT
            attempt.duration_s = duration_s
    with scoped_session(read_only=True) as session:
        records = read_records(session, "study")
    assert sorted(records.timed_out_s.values()) == [2.5, 3.25]
    (spec,) = records.specs
    assert "as limits differ" not in note_of(make_figure(spec, records))


def test_time_lines_are_those_of_the_attempts(database_url: str, write_series, written) -> None:
    """Attempts with their workers, hosts and times; one that runs reaches to the last end."""

    def left(parameters, repetition: int):
        is_last = parameters["lr"] == 0.2 and repetition == 1
        return written(status=ExperimentStatus.RUNNING if is_last else ExperimentStatus.FAILED)

    with scoped_session() as session:
        write_series(
            session, left, grid={"lr": [0.1, 0.2]}, repeat={"seeds": 2}, graphs=[{"kind": "timeline"}]
        )
        session.add(
            Runner(id="r", host="node7", boot_id="", pid=1, pid_start=1, beat_at=START, started_at=START)
        )
        session.flush()
        session.add(Worker(id="w", runner_id="r"))
        for number, attempt in enumerate(session.scalars(select(Attempt).order_by(Attempt.experiment_id))):
            attempt.started_at = START + timedelta(seconds=10 * number)
            attempt.finished_at = attempt.started_at + timedelta(seconds=8)
        running = session.scalars(
            select(Experiment).where(Experiment.status == ExperimentStatus.RUNNING)
        ).one()
        running.started_at = START + timedelta(seconds=5)
    with scoped_session(read_only=True) as session:
        records = read_records(session, "study")
    assert {one.host for one in records.attempts} == {"node7"}
    figure = make_figure(records.specs[0], records)
    shapes = {found.get_label(): found.get_paths() for found in figure.axes[0].collections}
    ends = [tuple(path.vertices[[0, 2], 0].round(6)) for path in shapes["error"]]
    assert ends == [(0, 8), (10, 18), (20, 28)]
    assert shapes["running"][0].vertices[[0, 2], 0].round(6).tolist() == [5, 28]
    assert "4 attempts of 1 worker: 3 errors, 1 running." in note_of(figure)


def test_curves_over_seconds_are_by_the_logged_times(database_url: str, write_series, written) -> None:
    """They are those of the completed attempt; only metrics that are asked for over time are read with it."""

    def left(_parameters, repetition: int):
        chunks = {
            (1, "loss", 0): ([0, 1], [4.0, 3.0 + repetition]),
            (2, "loss", 0): ([2, 3], [2.0, 1.0]),
            (2, "other", 0): ([0], [1.0]),
        }
        return written(results={}, chunks=chunks, attempts=2)

    graphs = [{"y": "loss", "x": "seconds"}, {"y": "other", "x": "step"}]
    with scoped_session() as session:
        write_series(session, left, grid={"lr": [0.1]}, repeat={"seeds": 3}, graphs=graphs)
    with scoped_session(read_only=True) as session:
        records = read_records(session, "study")
    assert set(records.times) == {"loss"}
    (line,) = make_figure(records.specs[0], records).axes[0].lines
    # The chunks' seconds are 10, 11 in the first attempt and 20, 21 in the second.
    x, y = np.array(line.get_xdata()), np.array(line.get_ydata())
    assert (x.min() >= 20, x.max()) == (True, 21)
    assert y[x < 21].tolist() == [2.0] * np.count_nonzero(x < 21)
    assert y[-1] == 1.0


def test_formats_no_longer_asked_for_are_removed(
    *, sqlite_url: str, tmp_path: Path, write_series, written
) -> None:
    """The files are those of the formats; a format that is no longer wanted leaves no old picture."""
    graph = {"kind": "bar", "y": "y", "x": "lr", "name": "g", "theme": "dark"}
    with scoped_session() as session:
        write_series(session, lambda _p, r: written(results={"y": r}), grid={"lr": [1, 2]}, graphs=[graph])
        generate_all_graphs(session, "study", tmp_path)
        assert sorted(path.name for path in tmp_path.glob("g.*")) == ["g.png", "g.svg"]
        now = {"name": "study", "run": {"function": "m:f"}, "grid": {"lr": [1, 2]}}
        file = load_series_file({**now, "graphs": [graph | {"formats": ["pdf", "svg"]}]}).file
        (result,) = generate_all_graphs(session, "study", tmp_path, files=[file])
    assert [path.name for path in result.paths] == ["g.pdf", "g.svg"]
    assert sorted(path.name for path in tmp_path.glob("g.*")) == ["g.pdf", "g.svg"]
    assert (tmp_path / "g.pdf").read_bytes().startswith(b"%PDF")


def test_options_survive_the_database(database_url: str, write_series, written) -> None:
    """What a file asks for is what is drawn from the recorded series."""
    graph = {"y": "y", "x": "lr", "where": {"data": ["x", "y"]}, "over": "data", "interval": "bca90"}
    graph |= {"facet": {"row": "kind"}, "limits": [0, None], "size": [4, 4], "order": [0.2]}
    with scoped_session() as session:
        grid = {**GRID, "kind": [None, True]}
        write_series(session, lambda _p, r: written(results={"y": r}), grid=grid, graphs=[graph])
    with scoped_session(read_only=True) as session:
        (spec,) = read_records(session, "study").specs
    assert spec == GraphSpec.model_validate(graph)
    assert (spec.interval, spec.level, spec.order, spec.size) == ("bca", 0.9, {"lr": (0.2,)}, (4.0, 4.0))
