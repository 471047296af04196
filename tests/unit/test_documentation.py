"""The documents keep up with the code, and speak of the project only."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import click

from database.errors import ExperimentsError
from database.models import ExperimentStatus, Outcome
from database.settings import Settings
from meta.commands import group
from meta.commands.group import experiments

ROOT = Path(__file__).parents[2]
COMMANDS = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
TESTS = sorted((ROOT / "tests").rglob("test_*.py"))
OURS = ("benchmarks", "configs", "database", "docs", "experiments", "meta", "tests", ".ci")
WRITTEN = (".py", ".md", ".yaml", ".cfg", ".toml", ".txt", ".mako", "Makefile", "run")
#: Joined here, so that this file does not hold them itself.
BANNED = [str(ROOT) + "/", f"{Path.home()}/", "TO" + "DO", "FIX" + "ME"]


def commands() -> Iterator[tuple[str, click.Command]]:
    """Yield all verbs, those of groups included, as they are typed."""
    context = click.Context(experiments)
    for verb in group.COMMANDS:
        command = experiments.get_command(context, verb)
        assert command is not None
        if isinstance(command, click.Group):
            yield from ((f"{verb} {name}", inner) for name, inner in command.commands.items())
        else:
            yield verb, command


def undocumented(verb: str, command: click.Command) -> Iterator[str]:
    """Yield what the section of a verb, or the verb's help, does not say."""
    heading = f"\n## {verb.split(maxsplit=1)[0]}\n"
    section = COMMANDS.partition(heading)[2].split("\n## ")[0]
    common = COMMANDS.split("\n## Options of every verb\n")[1].split("\n## ")[0]
    if f"`experiments {verb}" not in section:
        yield f"{verb} has no section or is not in it"
    if not command.help:
        yield f"{verb} has no help"
    for option in command.params:
        if isinstance(option, click.Option):
            if not option.help:
                yield f"{verb} {option.name} has no help"
            for name in (*option.opts, *option.secondary_opts):
                if f"`{name}" not in section + common:
                    yield f"{verb} {name} is not in the section"


def test_every_option_is_documented() -> None:
    """A verb has a section and help; its options have help, and stand in the section or in the common one."""
    verbs = list(commands())
    assert len(verbs) >= len(group.COMMANDS)
    assert [fault for verb, command in verbs for fault in undocumented(verb, command)] == []


def test_every_documented_option_exists() -> None:
    """The page names no option that no verb has."""
    options = [option for _, command in commands() for option in command.params]
    known = {name for option in options for name in (*option.opts, *option.secondary_opts)}
    known |= {"--help", "--version"}
    assert set(re.findall(r"`(--[a-z-]+)", COMMANDS)) <= known


def test_sections_are_the_verbs_in_their_order() -> None:
    """The page lists the verbs as `--help` does."""
    sections = re.findall(r"^## ([a-z]+)$", COMMANDS, re.MULTILINE)
    assert sections == list(group.COMMANDS)


def without_rule(path: Path) -> Iterator[str]:
    """Yield where a test function has no docstring, or one whose first line is no sentence."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
            rule = ast.get_docstring(node) or ""
            if not rule.partition("\n")[0].rstrip().endswith("."):
                yield f"{path.relative_to(ROOT)}:{node.lineno}"


def test_every_test_states_its_rule() -> None:
    """Each test function has a docstring whose first line states the rule it tests."""
    assert len(TESTS) > 200
    assert [place for path in TESTS for place in without_rule(path)] == []


def test_every_exit_code_is_explained() -> None:
    """Each code that an error of ours or a command ends with has a row."""
    import experiments.supervisor.restart_backoff  # its error has a code of its own
    from meta.commands import group
    from meta.commands.support import exit_codes

    def derived(error: type[ExperimentsError]) -> Iterator[type[ExperimentsError]]:
        yield error
        for one in error.__subclasses__():
            yield from derived(one)

    codes = {error.exit_code for error in derived(ExperimentsError)}
    assert experiments.supervisor.restart_backoff.WorkersDieError.exit_code in codes
    codes |= {0, 1, exit_codes.USAGE, exit_codes.INTERRUPTED, exit_codes.UNEXPECTED, group.BROKEN_PIPE}
    rows = re.findall(r"^\| ([\d, ]+) \|", COMMANDS, re.MULTILINE)
    assert codes <= {int(code) for row in rows for code in row.split(",")}


def test_statuses_and_outcomes_are_in_the_glossary() -> None:
    """Every word that can stand in those columns is explained."""
    glossary = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
    statuses, outcomes = glossary.split("## Statuses")[1].split("## Outcomes")
    assert re.findall(r"^\| `(\w+)`", statuses, re.MULTILINE) == [status.value for status in ExperimentStatus]
    assert re.findall(r"^\| `(\w+)`", outcomes, re.MULTILINE) == [outcome.value for outcome in Outcome]


def test_glossary_is_in_alphabetical_order() -> None:
    """A word is found where one looks for it."""
    glossary = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
    words = re.findall(r"^\| \*\*([\w ]+)\*\*", glossary, re.MULTILINE)
    assert len(words) > 20
    assert words == sorted(words)


def test_links_between_documents_lead_somewhere() -> None:
    """Relative links of the documents name files that exist."""
    for page in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")]:
        for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
            assert (page.parent / link).exists(), f"{page.name}: {link}"


def test_lines_of_documents_are_broken() -> None:
    """No line of prose is longer than 124 characters; those of tables, code and pictures may be."""
    long = []
    for page in [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]:
        prose = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
        lines = (line for line in prose.splitlines() if not line.startswith(("|", "!")))
        long += [f"{page.name}: {line}" for line in lines if len(line) > 124]
    assert long == []


def written() -> Iterator[Path]:
    """Yield each text file of ours."""
    for folder in OURS:
        for path in sorted((ROOT / folder).rglob("*")):
            if path.is_file() and path.name.endswith(WRITTEN) and "__pycache__" not in path.parts:
                yield path
    yield from (path for path in ROOT.iterdir() if path.is_file() and path.name.endswith(WRITTEN))


def test_nothing_of_this_machine() -> None:
    """No file holds a path of the machine it was written on, or a note of unfinished work."""
    paths = list(written())
    assert len(paths) > 100
    for path in paths:
        text = path.read_text(encoding="utf-8", errors="replace")
        for banned in BANNED:
            assert banned not in text, f"{path}: {banned}"


def test_every_variable_is_explained() -> None:
    """What the environment can set is described where it is read."""
    for name in Settings.__dataclass_fields__:
        assert f"EXPERIMENTS_{name.upper()}" in (Settings.__doc__ or "")
