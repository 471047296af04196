"""How experiments are run: what the section becomes, and what each mistake in it is told."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from experiments.execution.options import Execution, StopRule
from experiments.series_file.loading import load_series_file
from experiments.series_file.models import SeriesFile
from experiments.series_file.reading.errors import SeriesFileError
from experiments.series_file.sections.execute import ExecuteSection, RetriesSection, recorded_policy

GOOD = "name: first\nrun: {function: train.py:main}\n"
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
VALID = "valid here"
Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write_file(text: str) -> Path:
        path = tmp_path / "série 1.yaml"
        path.write_text(text, encoding="utf-8")
        return path

    return write_file


def keys(section: type[BaseModel]) -> str:
    return ", ".join(section.model_fields)


PROBLEMS = [
    (
        "execute: {worker: 3}",
        f"execute.worker: is not a key here; did you mean 'workers'? valid here: {keys(ExecuteSection)}",
    ),
    (
        "execute: {retries: 3}",
        "execute.retries: must be a mapping, as in retries: {crashed: 2}, not the number 3",
    ),
    (
        "execute: {retries: {crash: 3}}",
        f"execute.retries.crash: is not a key here; did you mean 'crashed'? {VALID}: {keys(RetriesSection)}",
    ),
    ("execute: {retries: {crashed: -1}}", "execute.retries.crashed: must be at least 0, not the number -1"),
    ("execute: {retries: {lost: 1001}}", "execute.retries.lost: must be at most 1000, not the number 1001"),
    ("execute: {retries: {lost: true}}", "execute.retries.lost: must be a whole number, not true"),
    ("execute: {retries: {delay: 1h}}", "execute.retries.delay: must be at most 10m, not '1h'"),
    (
        "execute: {retries: {delay: -1}}",
        "execute.retries.delay: must be a positive number of seconds, or text such as 90s or 1h30m, not -1",
    ),
    (
        "execute: {retries: {failed: 1}}",
        "execute.retries.failed: is a status, not an outcome; write error: the function raised",
    ),
    (
        "execute: {recycle: {experiments: 0}}",
        "execute.recycle.experiments: must be at least 1, not the number 0",
    ),
    (
        "execute: {recycle: {growth: lots}}",
        "execute.recycle.growth: must be a number of bytes, or text such as 500MB or 8GiB, not 'lots'",
    ),
    ("execute: {memory: 8}", "execute.memory: is less than 1 MB; write a unit, such as 500MB or 8GiB, not 8"),
    (
        "execute: {memory: 8XB}",
        "execute.memory: must be a number of bytes, or text such as 500MB or 8GiB, not '8XB'",
    ),
    (
        "execute: {memory: 9999999999TB}",
        "execute.memory: must be a number of bytes, or text such as 500MB or 8GiB, not '9999999999TB'",
    ),
    (
        "execute: {stop_after: 20%}",
        "execute.stop_after: must be a mapping, as in stop_after: {failed: 20%}, not the text '20%'",
    ),
    (
        "execute: {stop_after: {minimum: 5}}",
        "execute.stop_after.failed: is missing; write a count such as 10 or a share such as 20%",
    ),
    *(
        (
            f"execute: {{stop_after: {{failed: {written}}}}}",
            f"execute.stop_after.failed: must be a count such as 10 or a share such as 20%, not {shown}",
        )
        for written, shown in (
            ("0", "0"),
            ("0.2", "0.2"),
            ("101%", "'101%'"),
            ("0%", "'0%'"),
            ("[1]", "a list"),
        )
    ),
    ("execute: {isolation: thread}", "execute.isolation: must be 'pool' or 'process', not the text 'thread'"),
    (
        "execute: {threads: 0}",
        "execute.threads: must be auto, unlimited or a whole number from 1 to 4096, not 0",
    ),
    ("execute: {preload: 1}", "execute.preload: must be true or false, not the number 1"),
    ("execute: {notify: {bell: loud}}", "execute.notify.bell: must be true or false, not the text 'loud'"),
    (
        "execute: {notify: {bel: true}}",
        "execute.notify.bel: is not a key here; did you mean 'bell'? valid here: bell, webhook",
    ),
    *(
        (
            f"execute: {{notify: {{webhook: '{url}'}}}}",
            "execute.notify.webhook: must be a URL that begins with https:// or http:// and names a host",
        )
        for url in (
            "example.org/hook",
            "ftp://example.org",
            "https://",
            "http://[::1",
            "http://a:99999/",
            "http://a b/",
            "ftp://${env:HOST}/",
            "https://${env:HOST}:port/",
        )
    ),
    *(
        (
            f"execute: {{notify: {{webhook: '{url}'}}}}",
            "execute.notify.webhook: has a ${ that is not ${env:NAME}, the value of an environment variable",
        )
        for url in ("https://a/${TOKEN}", "https://a/${env:}", "https://a/${env:1}", "${env:A")
    ),
]


@pytest.mark.parametrize(("text", "message"), PROBLEMS)
def test_each_mistake_is_told_with_its_line(write: Write, text: str, message: str) -> None:
    """One mistake gives one problem, at its line, in these words."""
    path = write(f"{GOOD}# a comment\n{text}\n")
    with pytest.raises(SeriesFileError) as caught:
        load_series_file(path)
    assert str(caught.value) == f"{path}:4: {message}"


def test_how_experiments_are_run(write: Write) -> None:
    """Sizes, durations and shares become numbers; what the file says survives the way to the database."""
    text = (
        GOOD
        + """\
execute:
  workers: 2
  isolation: process
  timeout: 1h30m
  memory: 1.5GiB
  threads: unlimited
  preload: true
  retries: {crashed: 0, timed_out: 3, delay: 0}
  recycle: {experiments: 1000, growth: 500 MB}
  stop_after: {failed: 12.5%, minimum: 8}
  notify: {bell: true, webhook: "https://user:secret@example.org:8443/hook?token=1"}
"""
    )
    file = load_series_file(write(text)).file
    assert SeriesFile.recorded(json.loads(json.dumps(file.model_dump(mode="json")))) == file
    execution = file.execute.execution(workers=2)
    assert execution == Execution(
        isolation="process",
        timeout_s=5400.0,
        memory_bytes=3 * 2**29,
        threads=None,
        preload=True,
        recycle_after=1000,
        recycle_growth_bytes=500_000_000,
        policy=execution.policy,
        stop_rule=StopRule(0.125, is_share=True, minimum=8),
    )
    assert execution.policy.delay_s == 0.0
    assert {outcome.value: count for outcome, count in execution.policy.retries.items() if count} == {
        "lost": 10,
        "interrupted": 10,
        "timed_out": 3,
    }
    assert execution.policy == recorded_policy(file.model_dump(mode="json"))
    assert file.execute.notify.webhook == "https://user:secret@example.org:8443/hook?token=1"


def test_what_has_no_effect_in_this_process(write: Write) -> None:
    """With 0 workers there is a remark that limits which need a supervisor have no effect."""
    execute = load_series_file(write(GOOD + "execute: {timeout: 5, memory: 1GB}")).file.execute
    assert execute.notes(2) == []
    [note] = execute.notes(0)
    assert note.startswith("execute.timeout, execute.memory have no effect with 0 workers: this process ")
    alone = load_series_file(write(GOOD + "execute: {timeout: 5}")).file.execute
    assert alone.notes(0)[0].startswith("execute.timeout has no effect with 0 workers: ")


@given(
    st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(), st.lists, max_leaves=3)
)
@example("1" * 400)
@example(10**400)
@example("٣MB")
@example("9" * 4000 + "%")
@pytest.mark.parametrize("key", sorted(set(ExecuteSection.model_fields) - {"preload"}))
def test_no_value_breaks_the_section(key: str, value: object) -> None:
    """Whatever is written, the section takes it or says in few words what is wrong."""
    for data in ({key: value}, {key: {"failed": value, "delay": value, "growth": value, "webhook": value}}):
        told: list[str] = []
        try:
            ExecuteSection.model_validate(data)
        except ValidationError as error:
            told = [found["msg"] for found in error.errors()]
        assert all(len(message) < 250 for message in told)
