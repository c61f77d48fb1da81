"""Which samples a reader is shown, and in what order."""

import hashlib
import math
from collections.abc import Collection

import numpy as np
import pandas as pd


def review_order(
    scores: pd.DataFrame,
    decided: Collection[str],
    *,
    min_probability: float | None = None,
    num_controls: int = 0,
    seed: int = 0,
) -> list[str]:
    """The ids of the samples that a reader still has to review, the next one first.

    scores: scores.csv, with sample_id, given_label, label_error_probability in [0, 1] (1 is a wrong label) and
    is_proposed (bool). decided: ids of the samples that this reader decided; they are left out, and the rest keeps its
    order. min_probability: as for `chosen_samples`, which chooses what is shown.
    num_controls: how many samples that were neither proposed nor chosen are mixed in (all of them, where there are
    fewer); seed draws them and their positions.

    The chosen samples come by decreasing probability, to two digits: further digits mean nothing, and would bring one
    class after the other. Ties, and the controls among themselves, follow a hash of sample_id: the order of files would
    reveal the truth where they are sorted by class.
    """
    is_shown = chosen_samples(scores, min_probability)
    is_control = ~is_shown & ~scores["is_proposed"].to_numpy(dtype=bool) & (num_controls > 0)
    shown = scores.loc[is_shown, ["sample_id", "label_error_probability"]]
    ranked = sorted(
        zip(shown["sample_id"], shown["label_error_probability"], strict=True),
        key=lambda pair: (-math.floor(100 * pair[1] + 1e-9), _digest("tie", pair[0])),
    )
    order = _mix(
        [sample_id for sample_id, _ in ranked],
        _draw(scores.loc[is_control, "sample_id"].tolist(), num_controls, seed),
        np.random.default_rng(seed),
    )
    decided = set(decided)
    return [sample_id for sample_id in order if sample_id not in decided]


def chosen_samples(scores: pd.DataFrame, min_probability: float | None = None) -> np.ndarray:
    """(N,) bool: the samples to review.

    min_probability: in (0, 1]; all samples with at least this error probability, proposed by the run or not. None: the
    run's proposals. The only sample of a class is never chosen: nothing is known about that class.
    """
    if min_probability is None:
        return scores["is_proposed"].to_numpy(dtype=bool)
    counts = scores["given_label"].value_counts()
    is_single = scores["given_label"].isin(counts.index[counts < 2]).to_numpy()
    return (scores["label_error_probability"].to_numpy() >= min_probability) & ~is_single


def likely_labels(scores: pd.DataFrame) -> np.ndarray:
    """(N,) str: the label to show beside the given one: the proposed one, or else the most probable other class.

    scores: scores.csv, with a column p_<class> for each of two or more classes.
    """
    columns = [column for column in scores.columns if column.startswith("p_")]
    classes = np.array([column.removeprefix("p_") for column in columns], dtype=object)
    given = scores["given_label"].to_numpy(dtype=object)
    others = np.where(classes == given[:, None], -1.0, scores[columns].to_numpy(dtype=float))
    is_proposed = scores["is_proposed"].to_numpy(dtype=bool)
    return np.where(is_proposed, scores["proposed_label"].to_numpy(dtype=object), classes[others.argmax(axis=1)])


def progress(scores: pd.DataFrame, decided: Collection[str], min_probability: float | None = None) -> tuple[int, int]:
    """How many of the samples to review (by `chosen_samples`) are decided, and how many there are."""
    chosen = set(scores.loc[chosen_samples(scores, min_probability), "sample_id"])
    return len(chosen.intersection(decided)), len(chosen)


def _draw(sample_ids: list[str], num_controls: int, seed: int) -> list[str]:
    # By hash and not by position: the order of the rows does not matter.
    return sorted(sample_ids, key=lambda sample_id: _digest(f"control {seed}", sample_id))[:num_controls]


def _mix(proposals: list[str], controls: list[str], rng: np.random.Generator) -> list[str]:
    num_total = len(proposals) + len(controls)
    places = set(rng.choice(num_total, size=len(controls), replace=False).tolist()) if controls else set()
    remaining, drawn = iter(proposals), iter(controls)
    return [next(drawn) if place in places else next(remaining) for place in range(num_total)]


def _digest(purpose: str, sample_id: str) -> str:
    return hashlib.sha256(f"{purpose}\n{sample_id}".encode()).hexdigest()
