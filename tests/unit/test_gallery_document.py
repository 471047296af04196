"""docs/gallery.md shows every kind and every graph of configs/, with the lines that asked for it."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

import yaml
from PIL import Image

from experiments.series_file.loading import load_series_file
from experiments.series_file.sections.graphs import GraphKind, GraphSpec
from meta.graphs.provenance.file_names import file_names

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "gallery.md"
PICTURES = ROOT / "docs" / "images" / "gallery"
CONFIGS = sorted((ROOT / "configs").glob("*.yaml"))
#: Of a picture, in bytes: pages are read over slow lines too, and clones keep every version.
LIMIT = 60_000


@dataclass(frozen=True)
class Shown:
    """A picture on the page, with the kind whose section it is in and the lines below it."""

    kind: str
    alt: str
    picture: str
    config: str
    asked: str


def shown() -> list[Shown]:
    entry = re.compile(r"^!\[(.+)\]\((.+)\)\n\n```yaml\n# (configs/.+)\n((?:.+\n)+)```$", re.MULTILINE)
    sections = PAGE.read_text(encoding="utf-8").split("\n## ")[1:]
    return [
        Shown(section.partition("\n")[0], *found.groups())
        for section in sections
        for found in entry.finditer(section)
    ]


ENTRIES = shown()


def pictures_of(config: Path) -> list[str]:
    """Return where the pictures of a series lie, as the page has it."""
    file = load_series_file(config).file
    return [
        f"images/gallery/{file.name}/{name}.png"
        for name in file_names(file.graphs, [graph.kind or "" for graph in file.graphs])
    ]


def test_every_kind_has_a_section_with_a_picture() -> None:
    """The sections are the kinds, in their order, and none is empty."""
    headings = re.findall(r"^## (\w+)$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert headings == list(get_args(GraphKind))
    assert {entry.kind for entry in ENTRIES} == set(headings)
    assert {spec(entry).x for entry in ENTRIES if entry.kind == "curve"} == {"step", "seconds"}


def test_every_graph_of_configs_is_shown_once() -> None:
    """The page, the folder of pictures and the series files have the same graphs."""
    asked = sorted(picture for config in CONFIGS for picture in pictures_of(config))
    assert sorted(entry.picture for entry in ENTRIES) == asked
    assert PAGE.read_text(encoding="utf-8").count("](images/") == len(asked)
    assert sorted(path.relative_to(PAGE.parent).as_posix() for path in PICTURES.rglob("*.*")) == asked


def spec(entry: Shown) -> GraphSpec:
    (asked,) = yaml.safe_load(entry.asked)
    return GraphSpec.model_validate(asked)


def is_as_asked(entry: Shown) -> bool:
    """Say whether the lines below a picture are those of the file that ask for it, in the kind's section."""
    config = ROOT / entry.config
    graphs = load_series_file(config).file.graphs
    graph = graphs[pictures_of(config).index(entry.picture)]
    stands_there = textwrap.indent(entry.asked, "  ") in config.read_text(encoding="utf-8")
    return stands_there and graph == spec(entry) and (graph.kind or "line") == entry.kind


def test_lines_are_those_of_the_file() -> None:
    """What stands below a picture stands in the series file too, and asks for the picture, in its section."""
    assert [entry.picture for entry in ENTRIES if not is_as_asked(entry)] == []


def faults(path: Path) -> Iterator[str]:
    """Yield what is wrong with a picture."""
    if path.stat().st_size > LIMIT:
        yield f"has {path.stat().st_size} bytes"
    with Image.open(path) as picture:
        if (picture.format, picture.mode) != ("PNG", "P"):
            yield f"is {picture.format} {picture.mode}"
        if picture.width not in (700, 1400):
            yield f"is {picture.width} wide"
        if found := picture.info.keys() - {"transparency"}:
            yield f"has metadata {sorted(found)}"
        darkest, brightest = picture.convert("L").getextrema()
    if darkest >= 50 or brightest != 255:
        yield "is empty"


def test_pictures_are_small() -> None:
    """Each is a PNG of a column's or a page's width, with a palette and without metadata, below the limit."""
    paths = sorted(PICTURES.rglob("*.png"))
    assert len(paths) == len(ENTRIES)
    assert [f"{path.stem} {fault}" for path in paths for fault in faults(path)] == []


def test_pictures_are_described() -> None:
    """Who cannot see a picture reads what it shows."""
    pages = [PAGE, ROOT / "README.md"]
    alts = [
        alt
        for page in pages
        for alt in re.findall(r"!\[([^\]]*)\]\([^)]+\.png\)", page.read_text(encoding="utf-8"))
    ]
    assert len(alts) >= len(ENTRIES) + 3
    assert all(len(alt) > 50 for alt in alts), alts
