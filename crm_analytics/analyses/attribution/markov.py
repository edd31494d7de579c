"""Attribution by removal effects in a Markov chain, exactly, of any order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import linalg, sparse
from scipy.sparse.linalg import splu

from crm_analytics.analyses.attribution.paths import Paths
from crm_analytics.tables.object_cards import ObjectCard

DENSE_UP_TO = 1500  # states; more are solved sparsely, some columns at a time
COLUMNS = 256


@dataclass(frozen=True)
class Removal(ObjectCard):
    """What would be lost without each channel.

    Attributes
    ----------
    probability : of a conversion, with all channels
    effect : by channel, share of the conversions lost when it leads nowhere, 0..1
    value_effect : the same of the money; None where no value was given
    """

    probability: float
    effect: np.ndarray
    value_effect: np.ndarray | None


def removal_effects(paths: Paths, order: int = 1) -> Removal:
    """Removal effects of all channels.

    A state is the last `order` channels of a path; the chain ends in a conversion or in nothing. Removing
    a channel leads all states that end with it to nothing: the effect is 1 - P(conversion then) / P before
    (Anderl, Becker, von Wangenheim & Schumann 2016, IJRM 33(3), eq. 5). With N the fundamental matrix
    (I - Q)^-1 (Kemeny & Snell 1960, ch. 3), A the channel's states, n the expected visits from the start and
    v the probabilities of a conversion from each state, P is lost by n_A (N_AA)^-1 v_A: first hits of A times
    what would have come. Nothing is simulated, so no effect is negative or differs from run to run. Money
    has effects of its own: v is then the expected value.

    At order 1 a repeated touch changes nothing: a self-loop leaves all hitting probabilities as they are.
    """
    chain = _Chain.of(paths, order)
    ends = [chain.converted] + ([chain.earned] if chain.earned is not None else [])
    lost = _lost(chain, np.column_stack(ends), len(paths.channels))
    total = paths.conversions.sum() + paths.nulls.sum()
    whole = [paths.conversions.sum()] + ([paths.value.sum()] if paths.value is not None else [])
    effects = [
        np.maximum(lost[:, i], 0.0) / (w / total) if w > 0 else np.zeros(len(lost))
        for i, w in enumerate(whole)
    ]
    probability = float(whole[0] / total) if total > 0 else 0.0
    return Removal(probability, effects[0], effects[1] if len(effects) > 1 else None)


@dataclass(frozen=True)
class _Chain:
    """Transition shares between states, and what each visit of a state brings at once."""

    moves: Any  # Q, sparse, states x states
    visits: np.ndarray  # expected, from the start; exactly the observed ones, since inflow is outflow
    converted: np.ndarray
    earned: np.ndarray | None
    channel: np.ndarray  # the last channel of each state

    @classmethod
    def of(cls, paths: Paths, order: int) -> _Chain:
        count = paths.conversions + paths.nulls
        steps, place = paths.steps, paths.place
        _, state = np.unique(steps, return_inverse=True)
        for back in range(1, order):
            earlier = np.concatenate([np.full(back, -1), steps[:-back]])[: len(steps)]
            earlier = np.where(place >= back, earlier, -1)
            _, state = np.unique(state * (len(paths.channels) + 1) + earlier + 1, return_inverse=True)
        size = int(state.max()) + 1
        channel = np.empty(size, dtype=steps.dtype)
        channel[state] = steps
        weight = np.repeat(count, paths.lengths)
        visits = np.bincount(state, weight, size)
        follows = np.flatnonzero(place > 0)
        passed = sparse.coo_array(
            (weight[follows], (state[follows - 1], state[follows])), shape=(size, size)
        ).tocsr()
        seen = np.where(visits > 0, visits, 1.0)
        ends = state[paths.starts[1:] - 1]
        earned = None if paths.value is None else np.bincount(ends, paths.value, size) / seen
        return cls(
            sparse.diags_array(1.0 / seen) @ passed,
            visits / max(count.sum(), 1e-300),
            np.bincount(ends, paths.conversions, size) / seen,
            earned,
            channel,
        )


def _lost(chain: _Chain, ends: np.ndarray, channels: int) -> np.ndarray:
    """What each channel's removal takes from the expectation of each column of `ends`."""
    size = len(chain.visits)
    system = sparse.eye_array(size, format="csc") - chain.moves.tocsc()
    order = np.argsort(chain.channel, kind="stable")
    bounds = np.searchsorted(chain.channel[order], np.arange(channels + 1))
    lost = np.zeros((channels, ends.shape[1]))
    dense = linalg.inv(system.toarray()) if size <= DENSE_UP_TO else None
    factor: Any = splu(system) if dense is None else None
    values = factor.solve(ends) if dense is None else dense @ ends
    begin = 0
    while begin < channels:
        end = max(int(np.searchsorted(bounds, bounds[begin] + COLUMNS, side="right")) - 1, begin + 1)
        block = order[bounds[begin] : bounds[end]]
        columns = _columns(factor, block, size) if dense is None else dense[:, block]
        for channel in range(begin, end):
            mine = order[bounds[channel] : bounds[channel + 1]]
            if len(mine):
                offset = bounds[channel] - bounds[begin]
                inner = columns[mine, offset : offset + len(mine)]
                hits = np.linalg.solve(inner.T, chain.visits[mine])
                lost[channel] = hits @ values[mine]
        begin = end
    return lost


def _columns(factor: Any, block: np.ndarray, size: int) -> np.ndarray:
    unit = np.zeros((size, len(block)))
    unit[block, np.arange(len(block))] = 1.0
    return factor.solve(unit)
