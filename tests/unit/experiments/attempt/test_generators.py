"""Random generators while an attempt runs: seeded, and as they were after an import."""

from __future__ import annotations

import importlib.util
import random
import sys
import threading
import traceback
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from experiments.attempt.generators import SeededGenerators

#: A module with a generator of its own, as PyTorch has it.
TORCH = """
import random
generator = random.Random(67280421310721)
manual_seed, get_rng_state, set_rng_state = generator.seed, generator.getstate, generator.setstate
"""
DRAWS = "import random, numpy\nrandom.random(); numpy.random.rand()\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Yield a folder whose modules are found first; what is imported of it is forgotten."""
    monkeypatch.syspath_prepend(tmp_path)
    state, numpy_state = random.getstate(), np.random.get_state()
    yield tmp_path
    random.setstate(state)
    np.random.set_state(numpy_state)
    for name, module in list(sys.modules.items()):
        if str(getattr(module, "__file__", "")).startswith(str(tmp_path)):
            del sys.modules[name]


def drawn(code: str, seed: int = 7) -> tuple[float, float]:
    """Run code as an attempt does, and return what it would draw next."""
    generators = SeededGenerators(seed)
    generators.start()
    try:
        exec(code, {})
        return random.random(), np.random.rand()
    finally:
        generators.stop()
        assert generators not in sys.meta_path


def test_seeded() -> None:
    """The same seed draws the same numbers, another one others."""
    assert drawn("") == drawn("import random; random.random") != drawn("", seed=8)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("draws.py", DRAWS),
        ("seeds.py", "import random, numpy\nrandom.seed(1); numpy.random.seed(1)\n"),
        ("fails.py", DRAWS + "raise ImportError('gone')\n"),
        ("imports.py", "import package_of_it.inner\n" + DRAWS),
        ("package/__init__.py", DRAWS),
    ],
)
def test_an_import_changes_no_generator(folder: Path, name: str, text: str) -> None:
    """However a module uses them when it is imported, what is drawn afterwards is the same."""
    (folder / "package_of_it").mkdir()
    (folder / "package_of_it" / "__init__.py").write_text(DRAWS)
    (folder / "package_of_it" / "inner.py").write_text(DRAWS)
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    module = path.parent.name if path.stem == "__init__" else path.stem
    code = f"import random\nrandom.random()\ntry: import {module}\nexcept ImportError: pass\n"
    assert drawn(code) == drawn("import random\nrandom.random()")
    assert (module in sys.modules) == (name != "fails.py")


def test_a_generator_that_comes_with_an_import(folder: Path) -> None:
    """It is seeded as it is in the attempts after it; later it is kept, as the others are."""
    (folder / "torch.py").write_text(TORCH)
    (folder / "library.py").write_text("import torch\ntorch.generator.random()\n")
    (folder / "another.py").write_text("import torch\ntorch.generator.random()\n")
    results: list[float] = []
    for code in ("import library, torch", "import torch", "import another, torch"):
        drawn(code)
        results.append(sys.modules["torch"].generator.random())
    assert results == [random.Random(7).random()] * 3


def test_another_thread_takes_back_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the attempt draws while another thread imports is not drawn again."""
    (folder / "meets.py").write_text(
        "import threading\nbegun, go_on = threading.met\nbegun.set(); go_on.wait()\n"
    )
    begun, go_on = threading.Event(), threading.Event()
    monkeypatch.setattr(threading, "met", (begun, go_on), raising=False)
    generators = SeededGenerators(7)
    generators.start()
    try:
        thread = threading.Thread(target=importlib.import_module, args=("meets",))
        thread.start()
        begun.wait()
        first = random.random()
        go_on.set()
        thread.join()
        found = [first, random.random()]
    finally:
        generators.stop()
    expected = random.Random(7)
    assert found == [expected.random(), expected.random()]


def test_modules_are_as_they_are(folder: Path) -> None:
    """Neither a module nor its loader shows that its import was noticed, nor a traceback."""
    (folder / "plain.py").write_text("VALUE = 1\n")
    (folder / "broken.py").write_text("1 / 0\n")
    generators = SeededGenerators(7)
    generators.start()
    try:
        import plain  # type: ignore[import-not-found]

        assert vars(plain.__loader__) == {"name": "plain", "path": str(folder / "plain.py")}
        assert plain.__spec__.loader is plain.__loader__
        spec = importlib.util.find_spec("broken")  # as code asks whether something is installed
        assert spec is not None
        with pytest.raises(ZeroDivisionError) as caught:
            import broken  # type: ignore[import-not-found]  # noqa: F401
    finally:
        generators.stop()
    frames = [frame.filename for frame in traceback.extract_tb(caught.value.__traceback__)]
    assert frames == [__file__, str(folder / "broken.py")]
