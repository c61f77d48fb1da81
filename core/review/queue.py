"""Which samples a reader is shown, and in which order."""

import hashlib
from collections.abc import Collection

import numpy as np
import pandas as pd


def review_order(
    scores: pd.DataFrame,
    decided: Collection[str],
    *,
    min_probability: float = 0.0,
    num_controls: int = 0,
    seed: int = 0,
) -> list[str]:
    """The ids of the samples that a reader still has to review, the next one first.

    scores: scores.csv, with sample_id, label_error_probability in [0, 1] (1 is a wrong label) and is_proposed (bool).
    decided: ids of the samples that this reader decided; they are left out, and the rest keeps its order.
    min_probability: proposals below it are left out.
    num_controls: how many samples that were not proposed are mixed in (all of them, where there are fewer); seed draws
    them and their places.

    Proposals come by falling probability. Ties, and the controls among themselves, follow a hash of sample_id: the
    order of files would tell the truth where they are sorted by class.
    """
    is_proposed = scores["is_proposed"].to_numpy(dtype=bool)
    is_shown = is_proposed & (scores["label_error_probability"].to_numpy() >= min_probability)
    shown = scores.loc[is_shown, ["sample_id", "label_error_probability"]]
    ranked = sorted(
        zip(shown["sample_id"], shown["label_error_probability"], strict=True),
        key=lambda pair: (-pair[1], _digest("tie", pair[0])),
    )
    order = _mix(
        [sample_id for sample_id, _ in ranked],
        _draw(scores.loc[~is_proposed, "sample_id"].tolist(), num_controls, seed),
        np.random.default_rng(seed),
    )
    decided = set(decided)
    return [sample_id for sample_id in order if sample_id not in decided]


def progress(scores: pd.DataFrame, decided: Collection[str]) -> tuple[int, int]:
    """How many of the proposals are decided, and how many there are."""
    proposed = set(scores.loc[scores["is_proposed"].to_numpy(dtype=bool), "sample_id"])
    return len(proposed.intersection(decided)), len(proposed)


def _draw(sample_ids: list[str], num_controls: int, seed: int) -> list[str]:
    # By hash and not by position: the same samples are drawn however the rows stand.
    return sorted(sample_ids, key=lambda sample_id: _digest(f"control {seed}", sample_id))[:num_controls]


def _mix(proposals: list[str], controls: list[str], rng: np.random.Generator) -> list[str]:
    num_total = len(proposals) + len(controls)
    places = set(rng.choice(num_total, size=len(controls), replace=False).tolist()) if controls else set()
    remaining, drawn = iter(proposals), iter(controls)
    return [next(drawn) if place in places else next(remaining) for place in range(num_total)]


def _digest(purpose: str, sample_id: str) -> str:
    return hashlib.sha256(f"{purpose}\n{sample_id}".encode()).hexdigest()
