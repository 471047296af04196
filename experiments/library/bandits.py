"""The 10-armed testbed of Sutton and Barto, Reinforcement Learning, 2nd edition (2018), section 2.3.

An agent pulls one of ten arms per step. It estimates each arm's value by the average of the rewards
that arm gave so far, mostly pulls the arm that looks best, and with probability `epsilon` any arm.
Figure 2.2 of the book shows the average over 2,000 such problems.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from experiments.context import Run


def play(epsilon: float, run: Run, steps: int = 1_000, arms: int = 10) -> dict[str, float]:
    """Play one problem of the testbed with sample-average estimates.

    The problem and all noise depend on the seed alone, never on `epsilon`: repetition 7 is the same problem
    for every `epsilon`, so that their curves differ by what the agents do.

    Parameters
    ----------
    epsilon : float
        Probability of pulling any arm instead of the one that looks best; 0 is the greedy agent.
    run : Run
        Logs, at each step counted from 1, the metrics ``reward`` and ``optimal_action`` (percent: 100
        when the pulled arm is truly the best one, else 0).
    steps : int
        How often an arm is pulled.
    arms : int
        How many arms there are.

    Returns
    -------
    dict
        ``average_reward`` per step, and ``optimal_actions``, the share of pulls of the best arm in percent.
    """
    values = run.rng.normal(size=arms)
    best = int(values.argmax())
    # Plain lists, because reading single numbers out of an array costs more than the rest of the loop.
    true_values = values.tolist()
    noise = run.rng.normal(size=steps).tolist()
    explores = (run.rng.random(steps) < epsilon).tolist()
    any_arm = run.rng.integers(arms, size=steps).tolist()

    estimates = [0.0] * arms
    pulls = [0] * arms
    total_reward = 0.0
    for step in range(steps):
        # Ties go to the first arm. The true values are exchangeable, so that this favours no arm.
        arm = any_arm[step] if explores[step] else estimates.index(max(estimates))
        reward = true_values[arm] + noise[step]
        pulls[arm] += 1
        estimates[arm] += (reward - estimates[arm]) / pulls[arm]
        total_reward += reward
        run.log(step=step + 1, reward=reward, optimal_action=100.0 if arm == best else 0.0)
    return {"average_reward": total_reward / steps, "optimal_actions": 100.0 * pulls[best] / steps}
