"""Where a figure comes from: `trace`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from experiments.units import many
from meta.commands.show import CODE_DIGITS
from meta.commands.support import printing
from meta.commands.support.options import database_option, json_option

if TYPE_CHECKING:
    from meta.figure_provenance import FigureComparison
    from meta.graphs.provenance.file_metadata import EmbeddedOrigin
    from meta.records.code_versions import CodeVersion


@click.command(short_help="Show where a figure comes from.")
@click.argument("figure", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@database_option()
@json_option
def trace(figure: Path, *, as_json: bool) -> None:
    """Show where FIGURE (PNG, SVG or PDF) comes from, and whether the database would give the same now.

    The file may have been copied or renamed: its metadata has all of this.
    """
    from meta.figure_provenance import compare_with_records
    from meta.graphs.provenance.file_metadata import read_origin

    embedded = read_origin(figure)
    compared = compare_with_records(embedded.origin)
    if as_json:
        printing.print_json(
            {
                "format": embedded.form,
                "intact": embedded.is_intact,
                **embedded.origin.model_dump(mode="json", exclude={"format"}),
                "note": embedded.note,
                "current": compared.is_current,
                "differences": compared.differences,
                "program_differences": compared.program,
                "reason": compared.reason,
                "asked": compared.request,
            }
        )
        return
    printing.print_facts(_facts(embedded))
    _print_comparison(compared)


def _facts(embedded: EmbeddedOrigin) -> dict[str, object]:
    origin = embedded.origin
    libraries = [f"{name} {version}" for name, version in origin.libraries.items()]
    changed = "changed since it was drawn: neither the figure nor this description is reliable"
    return {
        "series": origin.series,
        "graph": origin.graph,
        "file": f"{embedded.form.upper()}, {'as it was drawn' if embedded.is_intact else changed}",
        "specification": origin.specification,
        "where": origin.where,
        "labels": origin.labels or None,
        "analysis": origin.analysis or None,
        "experiments": f"{origin.experiments:,} completed",
        "their code": _their_code(origin.experiments_code),
        "note": None if embedded.note is None else " ".join(embedded.note.sentences),
        "fingerprint": origin.fingerprint,
        "drawn by": ", ".join([f"experiment-series {origin.code}", *libraries]),
    }


def _their_code(versions: tuple[CodeVersion, ...]) -> str:
    texts = [_version(version) for version in versions]
    if len(texts) < 2:
        return "".join(texts)
    # Figures of before sets of code were recorded have commits only.
    differed = any(version.other for version in versions) or (
        len({(version.commit, version.uncommitted) for version in versions if version.code is None}) > 1
    )
    return ("DIFFERED between experiments: " if differed else "") + "; ".join(
        f"{version.experiments:,} ran {text}" for version, text in zip(versions, texts, strict=True)
    )


def _version(version: CodeVersion) -> str:
    parts = []
    if version.code is not None:
        parts.append(f"{version.code[:CODE_DIGITS]}{' (accepted)' if version.accepted else ''}")
    if version.commit is not None:
        parts.append(f"commit {version.commit}{' with uncommitted changes' if version.uncommitted else ''}")
    else:
        parts.append("code that was not recorded" if version.code is None else "not under version control")
    if version.threads is not None:
        parts.append(f"with {many(version.threads, 'thread')}")
    return ", ".join(parts)


def _print_comparison(compared: FigureComparison) -> None:
    if compared.reason is not None:
        click.echo(f"not compared with the database: {printing.printable(compared.reason)}")
    elif compared.is_current:
        # Other versions may have other intervals: what is the same then are the records.
        same = "has the same records" if compared.program else "would give the same figure"
        click.echo(f"the database {same} now")
    else:
        click.echo("the database would give another figure now:")
        for difference in compared.differences:
            click.echo(f"    {printing.printable(difference)}")
    if compared.request:
        click.echo(compared.request)
    if compared.program:
        click.echo("it was drawn by other versions, with which its intervals and looks may be different:")
        for difference in compared.program:
            click.echo(f"    {printing.printable(difference)}")
