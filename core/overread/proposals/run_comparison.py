"""Two runs of a study side by side: their proposals, their settings, and how they fit a reader's verdicts."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from overread.config import settings_from_dict
from overread.detection.proposal_set import expectation
from overread.setting_list import written

_BESIDE_SETTINGS = ("preset", "seed", "device", "num_samples")
"""Entries of config.json that are compared besides the settings."""


@dataclass(frozen=True, slots=True)
class RunFigures:
    """One run's proposals in numbers."""

    num_proposed: int
    recall: float
    """Expected share of all wrong labels that are proposed, in [0, 1]."""


@dataclass(frozen=True, slots=True)
class PairCounts:
    """The proposals to change one class into another."""

    given_label: str
    proposed_label: str
    num_first: int
    num_second: int
    num_both: int
    """Proposed by both, for the same samples."""


@dataclass(frozen=True, slots=True)
class VerdictFigures:
    """How a run's proposals fit the verdicts on samples of both runs."""

    num_verdicts: int
    num_agreeing: int
    """The run proposes the verdict's label, or nothing where the given label was kept."""
    num_wrong: int
    """Labels that the verdicts changed."""
    num_found: int
    """Of these, those proposed, whatever the class."""
    num_needless: int
    """Proposed, and kept by the verdict."""


@dataclass(frozen=True, slots=True)
class RunComparison:
    """What two runs say of the samples that both have."""

    num_samples: int
    """Samples that both have, with the same given label."""
    first: RunFigures
    second: RunFigures
    num_both: int
    """Samples that both propose."""
    num_same_label: int
    """Of these, those for which both propose the same class."""
    num_only_first: int
    num_only_second: int
    pairs: tuple[PairCounts, ...]
    """Pairs of classes that are not proposed for just the same samples, the greatest difference first."""
    first_verdicts: VerdictFigures
    second_verdicts: VerdictFigures


def compare_runs(first: pd.DataFrame, second: pd.DataFrame, verdicts: Mapping[str, tuple[str, str]]) -> RunComparison:
    """Compare the scores of two runs. first, second: of `Run.scores`; each run's own figures are of all its samples.

    verdicts: by sample_id, the given label that was judged and the label that the reader found right. Those on samples
    that the runs do not share, or on another given label, do not count.
    """
    columns = ["sample_id", "given_label", "proposed_label", "is_proposed"]
    both = first[columns].merge(second[columns], on=["sample_id", "given_label"], suffixes=("_first", "_second"))
    is_first, is_second = (both[f"is_proposed_{name}"].to_numpy(dtype=bool) for name in ("first", "second"))
    is_same = is_first & is_second & (both["proposed_label_first"] == both["proposed_label_second"]).to_numpy()
    return RunComparison(
        num_samples=len(both),
        first=_figures(first),
        second=_figures(second),
        num_both=int((is_first & is_second).sum()),
        num_same_label=int(is_same.sum()),
        num_only_first=int((is_first & ~is_second).sum()),
        num_only_second=int((is_second & ~is_first).sum()),
        pairs=_pairs(both, is_first, is_second, is_same),
        first_verdicts=_verdict_figures(both, "first", verdicts),
        second_verdicts=_verdict_figures(both, "second", verdicts),
    )


def setting_differences(first: Mapping[str, Any], second: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Name and both values of each setting that differs, values as --set takes them. first, second: of `Run.config`."""
    found = [(name, str(first.get(name, "")), str(second.get(name, ""))) for name in _BESIDE_SETTINGS]
    found.append(("features", _features(first), _features(second)))
    found.append(("after review", _is_after_review(first), _is_after_review(second)))
    if "settings" in first and "settings" in second:
        sections, others = (settings_from_dict(config["settings"]).to_dict() for config in (first, second))
        found += [
            (f"{section}.{name}", written(value), written(others[section][name]))
            for section, values in sections.items()
            if isinstance(values, dict)
            for name, value in values.items()
        ]
    return [each for each in found if each[1] != each[2]]


def _figures(scores: pd.DataFrame) -> RunFigures:
    probability = scores["label_error_probability"].to_numpy()
    found = expectation(probability, scores["is_proposed"].to_numpy(dtype=bool))
    return RunFigures(found.num_samples, found.recall)


def _pairs(
    both: pd.DataFrame, is_first: np.ndarray, is_second: np.ndarray, is_same: np.ndarray
) -> tuple[PairCounts, ...]:
    def counted(is_counted: np.ndarray, name: str) -> dict[tuple[str, str], int]:
        return both[is_counted].groupby(["given_label", f"proposed_label_{name}"], observed=True).size().to_dict()

    first, second, same = counted(is_first, "first"), counted(is_second, "second"), counted(is_same, "first")
    pairs = [
        PairCounts(*pair, first.get(pair, 0), second.get(pair, 0), same.get(pair, 0))
        for pair in sorted({*first, *second})
    ]
    differing = [pair for pair in pairs if pair.num_first + pair.num_second > 2 * pair.num_both]
    return tuple(sorted(differing, key=lambda pair: 2 * pair.num_both - pair.num_first - pair.num_second))


def _verdict_figures(both: pd.DataFrame, name: str, verdicts: Mapping[str, tuple[str, str]]) -> VerdictFigures:
    rows = both[both["sample_id"].isin(list(verdicts))]
    given = rows["given_label"].to_numpy(dtype=object)
    judged = np.array([verdicts[sample_id] for sample_id in rows["sample_id"]], dtype=object).reshape(-1, 2)
    counts, right = judged[:, 0] == given, judged[:, 1]
    is_proposed = rows[f"is_proposed_{name}"].to_numpy(dtype=bool)
    said = np.where(is_proposed, rows[f"proposed_label_{name}"].to_numpy(), given)
    is_wrong = right != given
    return VerdictFigures(
        num_verdicts=int(counts.sum()),
        num_agreeing=int((counts & (said == right)).sum()),
        num_wrong=int((counts & is_wrong).sum()),
        num_found=int((counts & is_wrong & is_proposed).sum()),
        num_needless=int((counts & ~is_wrong & is_proposed).sum()),
    )


def _features(config: Mapping[str, Any]) -> str:
    features = config.get("features") or {}
    return str(features.get("backbone") or features.get("kind") or "the run's own")


def _is_after_review(config: Mapping[str, Any]) -> str:
    return written(bool(config.get("after_review")))
