"""`make gallery`: series run, their graphs become small pictures, the same each time."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest
from PIL import Image

SCRIPT = Path(__file__).parents[2] / ".ci" / "gallery.py"
SERIES = """
name: tiny
run: {function: tiny.py:main}
grid: {x: [1, 2]}
repeat: {seeds: 3}
execute: {workers: 1}
graphs: [{kind: bar, y: result, x: x}, {kind: box, y: result, x: x, name: second}]
"""
MAIN = "def main(x, seed):\n    return {'result': x + seed % 7}\n"


@pytest.fixture
def gallery() -> ModuleType:
    spec = importlib.util.spec_from_file_location("gallery", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def series(tmp_path: Path) -> Path:
    (tmp_path / "tiny.py").write_text(MAIN)
    path = tmp_path / "tiny.yaml"
    path.write_text(SERIES)
    return path


def test_pictures_are_made(sqlite_url: str, gallery: ModuleType, series: Path, tmp_path: Path) -> None:
    """Each graph becomes a PNG of few colours without metadata, the same to the last bit each time.

    Those of graphs that are gone disappear.
    """
    pictures = tmp_path / "pictures"
    old = pictures / "tiny" / "old.png"
    other = pictures / "other" / "old.png"
    for path in (old, other):
        path.parent.mkdir(parents=True)
        path.touch()
    made = gallery.draw_gallery([series], pictures)
    assert [path.relative_to(pictures).as_posix() for path in made] == [
        "tiny/bar-result-over-x.png",
        "tiny/second.png",
    ]
    assert not old.exists()
    assert other.exists()
    for path in made:
        with Image.open(path) as picture:
            assert picture.width == 700
            assert len(picture.getcolors()) <= gallery.COLORS
            assert not picture.info.keys() - {"transparency"}
    again = gallery.draw_gallery([series], tmp_path / "again")
    assert [path.read_bytes() for path in again] == [path.read_bytes() for path in made]


def test_a_graph_that_is_impossible_is_told(
    sqlite_url: str, gallery: ModuleType, series: Path, tmp_path: Path
) -> None:
    """An error instead of a picture less; those of before stay."""
    series.write_text(SERIES.replace("y: result, x: x, name", "y: nothing, x: x, name"))
    with pytest.raises(gallery.GalleryError, match="second could not be drawn"):
        gallery.draw_gallery([series], tmp_path / "pictures")
    assert not (tmp_path / "pictures").exists()


def test_a_run_that_was_stopped_is_not_shown(
    sqlite_url: str, gallery: ModuleType, series: Path, tmp_path: Path
) -> None:
    """Half a series is drawn as it stands, but not into the gallery."""
    (series.parent / "tiny.py").write_text(
        "import time\n\n\ndef main(x, seed):\n    time.sleep(0.05)\n    raise ValueError\n"
    )
    text = SERIES.replace("workers: 1", "workers: 1, stop_after: {failed: 1}")
    series.write_text(text.replace("seeds: 3", "seeds: 50"))
    with pytest.raises(gallery.GalleryError, match="was stopped"):
        gallery.draw_gallery([series], tmp_path / "pictures")
    assert not (tmp_path / "pictures").exists()
