"""The origin of a figure, which its files carry in their metadata."""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from experiments.series_file.sections.graphs import GraphSpec
from meta import package_folder
from meta.graphs.provenance.fingerprint import Fingerprints
from meta.records.code_versions import CodeVersion
from meta.records.series_records import SeriesRecords

#: Libraries that affect, besides our own code, how the same numbers are drawn.
_LIBRARIES = ("matplotlib", "numpy", "scipy")
_DISTRIBUTION = "experiment-series"


class Origin(BaseModel):
    """The origin of a figure. Nothing of it depends on when, where or by whom it was drawn.

    Attributes
    ----------
    format : int
        Of this record.
    series, graph : str
        The names of the series and, among its graphs, of this one.
    specification : mapping
        The request of the graph.
    where : str or None
        The `--where` of the command, beside the specification.
    labels : mapping
        Its entries in the series file's `metrics`.
    analysis : mapping
        The series file's `analysis`.
    measures : mapping
        What is known of the readings from experiments that are not among the data.
    fingerprint : str
        Of the data (`meta.graphs.provenance.fingerprint`).
    experiments : int
        How many completed experiments are in the data.
    experiments_code : tuple of CodeVersion
        The code that those experiments ran, and with how many threads.
    code : str
        Our version, and a digest of the modules that compute and draw.
    libraries : mapping of str to str
        The versions of those that draw and compute.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Literal[1] = 1
    series: str
    graph: str
    specification: dict[str, Any]
    where: str | None = None
    labels: dict[str, Any] = Field(default_factory=dict)
    analysis: dict[str, Any] = Field(default_factory=dict)
    measures: dict[str, Any] = Field(default_factory=dict)
    fingerprint: str
    experiments: int
    experiments_code: tuple[CodeVersion, ...]
    code: str
    libraries: dict[str, str]

    @classmethod
    def of(
        cls,
        graph: str,
        spec: GraphSpec,
        extract: SeriesRecords,
        fingerprints: Fingerprints,
        *,
        where: str | None = None,
    ) -> Origin:
        """Return the origin of the figure that would be drawn now, from the extract of its graph."""
        return cls(
            series=extract.name,
            graph=graph,
            specification=spec.model_dump(mode="json", exclude_defaults=True),
            where=where,
            labels={
                name: label.model_dump(mode="json", exclude_defaults=True)
                for name, label in extract.labels.items()
            },
            analysis=extract.analysis.model_dump(mode="json", exclude_defaults=True),
            measures={key: measure.matters() for key, measure in sorted(extract.measures.items())},
            fingerprint=fingerprints.of(extract),
            experiments=sum(len(member.completed) for member in extract.configurations),
            experiments_code=extract.code.versions(),
            code=code_version(),
            libraries=dict(_library_versions()),
        )

    def text(self) -> str:
        """Return the origin as JSON in ASCII, which every figure format can store."""
        return json.dumps(self.model_dump(mode="json"), separators=(",", ":"))

    def digest(self) -> str:
        """Return its SHA-256, in hexadecimal digits."""
        return hashlib.sha256(self.text().encode()).hexdigest()


def files_that_draw() -> list[Path]:
    """List the modules that compute and draw."""
    folders = [package_folder() / name for name in ("graphs", "records", "statistics")]
    return [path for folder in folders for path in sorted(folder.rglob("*.py"))]


@functools.cache
def code_version() -> str:
    """Return our version, and a digest of the modules that compute and draw: it changes with each of them."""
    digest = hashlib.sha256()
    for path in files_that_draw():
        digest.update(path.relative_to(package_folder()).as_posix().encode())
        digest.update(path.read_bytes())
    return f"{metadata.version(_DISTRIBUTION)}+{digest.hexdigest()[:12]}"


@functools.cache
def _library_versions() -> Mapping[str, str]:
    return {name: metadata.version(name) for name in _LIBRARIES}
