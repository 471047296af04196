"""Make the pictures of docs/gallery.md: every graph of every series in configs/, small enough for a page.

``make gallery`` runs the series anew in a temporary folder, at full size, and replaces docs/images/gallery/.
A picture is the PNG that the series asks for, with its colours reduced to 128 and without the text that says
where it comes from: that names the commit, so that each commit would change every picture.
"""

from __future__ import annotations

import io
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from database.errors import ExperimentsError
from database.session.lifecycle import configure, scoped_session
from experiments.output.results_folder import write_atomically
from experiments.run.summary import SOME_FAILED_EXIT_CODE
from experiments.run_experiments import run_series
from experiments.series_file.loading import load_series_file
from meta.generate_aggregate_graphs import generate_all_graphs

ROOT = Path(__file__).parents[1]
PICTURES = ROOT / "docs" / "images" / "gallery"
#: As many are enough for the smooth edges of letters and lines.
COLORS = 128


class GalleryError(ExperimentsError):
    """A series did not run to its end, or a graph could not be drawn."""


def draw_gallery(files: Sequence[Path], pictures: Path) -> list[Path]:
    """Run series, draw their graphs, and leave a small PNG of each in a folder per series.

    Parameters
    ----------
    files : sequence of Path
        Series files. They run in this process's database, which is best an empty one.
    pictures : Path
        Pictures in the folders of these series that no graph has any more are removed.

    Returns
    -------
    list of Path
        The pictures, in the order of the files and of their graphs.

    Raises
    ------
    GalleryError
        A run was stopped, or a graph could not be drawn.
    """
    return [picture for file in files for picture in _draw(file, pictures)]


def _draw(file: Path, pictures: Path) -> list[Path]:
    loaded = load_series_file(file)
    summary = run_series(loaded)
    sys.stdout.write(f"{summary}\n")
    if summary.exit_code not in (0, SOME_FAILED_EXIT_CODE):
        raise GalleryError(f"{file.name}: the run was stopped, so its graphs are not shown")
    folder = pictures / loaded.file.name
    made = []
    with tempfile.TemporaryDirectory() as drawn, scoped_session(read_only=True) as session:
        for result in generate_all_graphs(session, loaded.file.name, Path(drawn)):
            if result.error:
                raise GalleryError(f"{file.name}: the graph {result.name} could not be drawn: {result.error}")
            made += [folder / path.name for path in result.paths if path.suffix == ".png"]
        for picture in made:
            write_atomically(picture, small(Path(drawn, picture.name).read_bytes()))
    for picture in set(folder.glob("*.png")) - set(made):
        picture.unlink()
    return made


def small(png: bytes) -> bytes:
    """Return a PNG with at most `COLORS` colours and without metadata."""
    written = io.BytesIO()
    with Image.open(io.BytesIO(png)) as picture:
        reduced = picture.convert("RGB").quantize(COLORS, dither=Image.Dither.NONE)
    reduced.save(written, "PNG", optimize=True)
    return written.getvalue()


def main() -> int:
    """Make the pictures of all series in configs/."""
    with tempfile.TemporaryDirectory() as folder:
        configure(f"sqlite:///{folder}/gallery.db")
        try:
            made = draw_gallery(sorted((ROOT / "configs").glob("*.yaml")), PICTURES)
        except ExperimentsError as error:
            sys.stderr.write(f"error: {error}\n")
            return error.exit_code
    sys.stdout.writelines(f"{path.relative_to(ROOT)}  {path.stat().st_size / 1000:.0f} kB\n" for path in made)
    return 0


if __name__ == "__main__":
    sys.exit(main())
