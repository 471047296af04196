"""The classifier of handwritten digits."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass, field

import numpy as np
import pytest

from experiments.library.digits import OPTIMISERS, train


@dataclass
class Recorder:
    """A run that keeps what is logged."""

    seed: int
    points: list[dict[str, float]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.rng = np.random.default_rng(self.seed)

    def log(self, *, step: int, **metrics: float) -> None:
        self.points.append({"step": step, **metrics})


def trained(seed: int = 0, **parameters: object) -> tuple[dict[str, float], list[dict[str, float]]]:
    run = Recorder(seed)
    return train(
        run=run, **{"optimiser": "adam", "learning_rate": 0.01, "epochs": 3, **parameters}
    ), run.points


@pytest.mark.parametrize("optimiser", sorted(OPTIMISERS))
def test_training_learns(optimiser: str) -> None:
    """At a learning rate that suits it, every optimiser gets far beyond guessing one digit in ten."""
    rate = {"adam": 0.01, "momentum": 0.1, "sgd": 0.3}[optimiser]
    results, points = trained(optimiser=optimiser, learning_rate=rate, epochs=8)
    assert results["accuracy"] > 85
    assert points[-1]["loss"] < points[0]["loss"]


def test_results_summarise_the_curve() -> None:
    """Last and best accuracy and the first epoch at 90 % are those of the logged curve."""
    results, points = trained(epochs=6)
    accuracies = [point["accuracy"] for point in points]
    assert [point["step"] for point in points] == [1, 2, 3, 4, 5, 6]
    assert results["accuracy"] == accuracies[-1]
    assert results["best_accuracy"] == max(accuracies)
    assert results["epochs_to_90"] == next(step for step, a in enumerate(accuracies, 1) if a >= 90)


def test_epochs_to_90_is_absent_when_never_reached() -> None:
    """What did not happen has no number."""
    assert "epochs_to_90" not in trained(learning_rate=1e-6, epochs=2)[0]


def test_the_seed_decides_everything() -> None:
    """The same seed trains the same network to the last bit, another one another."""
    assert trained(seed=3) == trained(seed=3)
    assert trained(seed=3) != trained(seed=4)


def test_without_scikit_learn_the_error_names_the_extra() -> None:
    """The library is imported at use; without it the message says what to install."""
    program = (
        "import sys; sys.modules['sklearn'] = None\n"
        "from experiments.library.digits import train\n"
        "train(optimiser='sgd', learning_rate=0.1, run=None)"
    )
    done = subprocess.run([sys.executable, "-c", program], check=False, capture_output=True, text=True)
    assert done.returncode == 1
    assert 'scikit-learn; install it with: pip install "experiment-series[examples]"' in done.stderr
