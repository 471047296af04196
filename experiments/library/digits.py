"""Handwritten digits, classified by a small neural network trained with different optimisers.

The data are the 1,797 images of 8 x 8 pixels that scikit-learn ships: the test set of E. Alpaydin and
C. Kaynak, Optical Recognition of Handwritten Digits (1998), UCI Machine Learning Repository.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from database.errors import ExperimentsError

if TYPE_CHECKING:
    from experiments.context import Run

#: The arguments of scikit-learn for each optimiser.
OPTIMISERS: dict[str, dict[str, Any]] = {
    "sgd": {"solver": "sgd", "momentum": 0.0},
    "momentum": {"solver": "sgd", "momentum": 0.9, "nesterovs_momentum": True},
    "adam": {"solver": "adam"},
}


class MissingExtraError(ExperimentsError, ImportError):
    """A library that only the shipped examples use is not installed."""


def train(
    *,
    optimiser: Literal["sgd", "momentum", "adam"],
    learning_rate: float,
    run: Run,
    epochs: int = 20,
    hidden_units: int = 32,
    batch_size: int = 32,
) -> dict[str, float]:
    """Train a classifier with one hidden layer and test it after every epoch.

    The seed decides the division into training and test images as well as the initial weights and the
    order of the batches, so that repetitions show how much all of these matter.

    Parameters
    ----------
    optimiser : {"sgd", "momentum", "adam"}
        A key of `OPTIMISERS`.
    learning_rate : float
        The step size of the optimiser.
    run : Run
        Logs, after each epoch counted from 1, the metrics ``loss`` (cross-entropy over the training
        images of that epoch) and ``accuracy`` (percent of the test images).
    epochs, hidden_units, batch_size : int
        The size of the training.

    Returns
    -------
    dict
        ``accuracy`` of the last epoch, ``best_accuracy`` of any (both in percent), and
        ``epochs_to_90``, the first epoch that reached 90 % (absent when none did).
    """
    images, digits = _load_digits()
    from sklearn.neural_network import MLPClassifier  # noqa: PLC0415 - an optional package, which takes a second to load

    order = run.rng.permutation(len(images))
    test, training = order[:450], order[450:]
    network = MLPClassifier(
        hidden_layer_sizes=(hidden_units,),
        learning_rate_init=learning_rate,
        batch_size=batch_size,
        random_state=run.seed,
        **OPTIMISERS[optimiser],
    )
    accuracies: list[float] = []
    for epoch in range(1, epochs + 1):
        network.partial_fit(images[training], digits[training], classes=np.arange(10))
        accuracies.append(100.0 * float(np.mean(network.predict(images[test]) == digits[test])))
        run.log(step=epoch, loss=network.loss_, accuracy=accuracies[-1])
    reached = [epoch for epoch, accuracy in enumerate(accuracies, start=1) if accuracy >= 90.0]
    return {
        "accuracy": accuracies[-1],
        "best_accuracy": max(accuracies),
        **({"epochs_to_90": reached[0]} if reached else {}),
    }


def _load_digits() -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return images, shape (1797, 64) with pixels from 0 to 1, and the digit of each, shape (1797,)."""
    try:
        from sklearn.datasets import load_digits  # noqa: PLC0415 - an optional package
    except ImportError as error:
        raise MissingExtraError(
            "experiments.library.digits needs scikit-learn; install it with: "
            'pip install "experiment-series[examples]"'
        ) from error
    images, digits = load_digits(return_X_y=True)
    return images / 16.0, digits
