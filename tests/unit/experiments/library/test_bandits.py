"""The 10-armed testbed against an independent simulation and the figures of the book."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest

from experiments.library.bandits import play


@dataclass
class Recorder:
    """A run that keeps what is logged."""

    seed: int
    points: list[tuple[int, float, float]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.rng = np.random.default_rng(self.seed)

    def log(self, *, step: int, reward: float, optimal_action: float) -> None:
        self.points.append((step, reward, optimal_action))


def curves(epsilon: float, repetitions: int, steps: int) -> tuple[np.ndarray, np.ndarray]:
    """Return mean reward and percentage of optimal actions per step."""
    logged = []
    for seed in range(repetitions):
        run = Recorder(seed)
        play(epsilon=epsilon, run=run, steps=steps)
        logged.append([point[1:] for point in run.points])
    means = np.mean(logged, axis=0)
    return means[:, 0], means[:, 1]


@pytest.mark.parametrize(
    ("epsilon", "reward", "optimal"), [(0.0, 1.03, 35.0), (0.01, 1.3, 60.0), (0.1, 1.37, 80.0)]
)
def test_long_run_is_that_of_the_book(epsilon: float, reward: float, optimal: float) -> None:
    """After 1,000 steps reward and optimal actions are those of Figure 2.2."""
    rewards, optimals = curves(epsilon, 400, 1_000)
    assert rewards[-200:].mean() == pytest.approx(reward, abs=0.12)
    assert optimals[-50:].mean() == pytest.approx(optimal, abs=7.0)


def test_agents_agree_with_arrays_of_all_problems_at_once() -> None:
    """Sample averages by incremental updates equal averages taken anew, with the same random numbers."""
    steps, arms, epsilon = 300, 10, 0.1
    for seed in range(10):
        run = Recorder(seed)
        result = play(epsilon=epsilon, run=run, steps=steps)
        generator = np.random.default_rng(seed)
        values, noise = generator.normal(size=arms), generator.normal(size=steps)
        explores, any_arm = generator.random(steps) < epsilon, generator.integers(arms, size=steps)
        rewards: list[list[float]] = [[] for _ in range(arms)]
        for step, logged_reward, optimal in run.points:
            averages = [np.mean(given) if given else 0.0 for given in rewards]
            arm = int(any_arm[step - 1] if explores[step - 1] else np.argmax(np.round(averages, 12)))
            rewards[arm].append(values[arm] + noise[step - 1])
            assert logged_reward == pytest.approx(rewards[arm][-1])
            assert optimal == (100.0 if arm == values.argmax() else 0.0)
        assert result["average_reward"] == pytest.approx(np.mean([point[1] for point in run.points]))
        assert result["optimal_actions"] == pytest.approx(np.mean([point[2] for point in run.points]))


def test_a_repetition_is_the_same_problem_for_every_agent() -> None:
    """The first pull, which no agent has learned anything for, gives both greedy agents the same reward."""
    runs = Recorder(5), Recorder(5)
    for run, epsilon in zip(runs, (0.0, 1e-9), strict=True):
        play(epsilon=epsilon, run=run, steps=200)
    assert runs[0].points == runs[1].points
    other = Recorder(6)
    play(epsilon=0.0, run=other, steps=200)
    assert other.points != runs[0].points


def test_steps_count_from_one() -> None:
    """As in the book's figure, the first pull is step 1."""
    run = Recorder(0)
    play(epsilon=0.1, run=run, steps=5)
    assert [point[0] for point in run.points] == [1, 2, 3, 4, 5]
