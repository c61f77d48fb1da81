"""Studies for `bench audit`: labels, a model's belief, and readers."""

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import expit, logit

NUM_LABELS = 1000
RATES = (0.02, 0.1, 0.3)
CLUSTER_SIZE = 10
MIN_PROPOSED = 100
"""The surest labels are proposed: those more probably wrong than right, or so many where these are fewer."""


@dataclass(frozen=True, slots=True)
class Population:
    """The labels of one study."""

    probability: np.ndarray
    """(M,) in (0, 1), that a label is wrong, by the model."""
    is_wrong: np.ndarray
    """(M,) bool."""
    num_proposed: int
    """The surest ones."""

    @property
    def proposed(self) -> np.ndarray:
        """(P,) int64, the surest first."""
        return np.argsort(-self.probability, kind="stable")[: self.num_proposed]

    @property
    def table(self) -> pd.DataFrame:
        """As scores.csv, sorted by sample_id: sample_id (each label's place, as text), given_label,
        label_error_probability and is_proposed."""
        num = len(self.probability)
        is_proposed = np.zeros(num, dtype=bool)
        is_proposed[self.proposed] = True
        return pd.DataFrame(
            {
                "sample_id": label_ids(num),
                "given_label": pd.Series(np.where(np.arange(num) % 5 < 2, "b", "a"), dtype=object),
                "label_error_probability": self.probability,
                "is_proposed": is_proposed,
            }
        )


def population(model: str, rate: float, rng: np.random.Generator, num_labels: int = NUM_LABELS) -> Population:
    """A study of which that share of the labels is wrong, and what a model of `MODELS` believes of each."""
    num_wrong = round(rate * num_labels)
    is_wrong = rng.permutation(num_labels) < num_wrong
    if model == "whole patients wrong":
        is_wrong = np.repeat(rng.permutation(num_labels // CLUSTER_SIZE) < num_wrong // CLUSTER_SIZE, CLUSTER_SIZE)
    return believed(MODELS[model](is_wrong, rate, rng), is_wrong)


def believed(probability: np.ndarray, is_wrong: np.ndarray) -> Population:
    """Labels with these probabilities, of which the more probably wrong ones are proposed."""
    probability = np.clip(probability, 1e-6, 1 - 1e-6)
    return Population(probability, is_wrong, max(int((probability > 0.5).sum()), MIN_PROPOSED))


@cache
def label_ids(num: int) -> "pd.Series[str]":
    # Objects: Arrow's texts take much of a study's time.
    return pd.Series([f"{place:06d}" for place in range(num)], dtype=object)


def belief(is_wrong: np.ndarray, rate: float, separation: float, rng: np.random.Generator) -> np.ndarray:
    """Calibrated probabilities from a normal score, whose mean is `separation` standard deviations higher where the
    label is wrong."""
    score = rng.normal(size=len(is_wrong)) + separation * is_wrong
    return expit(separation * score - separation**2 / 2 + logit(rate))


def _overconfident(is_wrong: np.ndarray, rate: float, rng: np.random.Generator) -> np.ndarray:
    return expit(4 * logit(belief(is_wrong, rate, 1.5, rng)) + 2)


def _blind_to_half(is_wrong: np.ndarray, rate: float, rng: np.random.Generator) -> np.ndarray:
    """One-sided noise: half of the wrong labels look right, and a tenth of what is wrong is expected."""
    is_seen = is_wrong & (rng.random(len(is_wrong)) < 0.5)
    return belief(is_seen, rate, 2.5, rng) / 10


MODELS: dict[str, Callable[[np.ndarray, float, np.random.Generator], np.ndarray]] = {
    "good": lambda is_wrong, rate, rng: belief(is_wrong, rate, 3.0, rng),
    "fair": lambda is_wrong, rate, rng: belief(is_wrong, rate, 1.5, rng),
    "useless": lambda is_wrong, rate, rng: rng.beta(0.2, 0.2 * (1 - rate) / rate, len(is_wrong)),
    "over-confident": _overconfident,
    "blind to half": _blind_to_half,
    "reversed": lambda is_wrong, rate, rng: belief(~is_wrong, rate, 1.5, rng),
    "whole patients wrong": lambda is_wrong, rate, rng: belief(is_wrong, rate, 3.0, rng),
}
"""By name; each takes whether labels are wrong, their rate, and a generator."""


@dataclass(frozen=True, slots=True)
class Readers:
    """Who err independently of each other."""

    name: str
    sensitivity: float
    specificity: float

    def calls(self, is_wrong: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """(M,) bool: the labels that one of them calls wrong."""
        return rng.random(len(is_wrong)) < np.where(is_wrong, self.sensitivity, 1 - self.specificity)


READERS = (Readers("perfect", 1.0, 1.0), Readers("imperfect", 0.9, 0.98))


Draw = Callable[[np.random.Generator], Population]
"""The labels of one more study."""


@dataclass(frozen=True, slots=True)
class Cell:
    """Studies that are alike."""

    model: str
    """One of `MODELS`, or of `audit_regimes.REAL`."""
    readers: Readers
    rate: float | None = None
    """The share of wrong labels; None where the labels are real ones."""

    @property
    def key(self) -> dict[str, Any]:
        """What tells its results from those of others."""
        rate = {} if self.rate is None else {"rate": self.rate}
        return rate | {"model": self.model, "readers": self.readers.name}

    def draw(self) -> Draw:
        """Of a simulated cell."""
        assert self.rate is not None
        return partial(population, self.model, self.rate)

    def rng(self, seed: int, of: str) -> np.random.Generator:
        return np.random.default_rng([seed, zlib.crc32(f"{of} {sorted(self.key.items())}".encode())])


CELLS = [Cell(model, readers, rate) for rate in RATES for model in MODELS for readers in READERS]
