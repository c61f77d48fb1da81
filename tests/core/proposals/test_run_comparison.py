"""Two runs side by side, against counts by a plain loop."""

import time
from collections import Counter

import numpy as np
import pandas as pd
import pytest

from overread.config import PRESETS
from overread.proposals.run_comparison import compare_runs, setting_differences

CLASSES = np.array(["a", "b", "c", "d"])


def made_scores(num, seed, *, first=0):
    """Scores of samples `first` to `num`, in an order of their own."""
    rng = np.random.default_rng(seed)
    index = rng.permutation(np.arange(first, num))
    given = index % 4
    is_proposed = rng.random(len(index)) < 0.3
    proposed = np.where(is_proposed, (given + rng.integers(1, 4, len(index))) % 4, given)
    return pd.DataFrame(
        {
            "sample_id": [f"{each:016x}" for each in index],
            "given_label": CLASSES[given],
            "proposed_label": CLASSES[proposed],
            "label_error_probability": rng.random(len(index)).round(6),
            "is_proposed": is_proposed,
        }
    )


def looped(first, second, verdicts):
    """The same figures, one sample at a time."""
    rows = {row.sample_id: row for row in second.itertuples()}
    counts, pairs = Counter(), {}
    for row in first.itertuples():
        other = rows.get(row.sample_id)
        if other is None or other.given_label != row.given_label:
            continue
        counts["samples"] += 1
        counts["both"] += row.is_proposed and other.is_proposed
        counts["only_first"] += row.is_proposed and not other.is_proposed
        counts["only_second"] += other.is_proposed and not row.is_proposed
        is_same = row.is_proposed and other.is_proposed and row.proposed_label == other.proposed_label
        counts["same"] += is_same
        for place, each in enumerate((row, other)):
            if each.is_proposed:
                pairs.setdefault((each.given_label, each.proposed_label), [0, 0, 0])[place] += 1
        if is_same:
            pairs[row.given_label, row.proposed_label][2] += 1
        if row.sample_id in verdicts and verdicts[row.sample_id][0] == row.given_label:
            right = verdicts[row.sample_id][1]
            counts["verdicts"] += 1
            for name, each in (("first", row), ("second", other)):
                counts[f"agreeing_{name}"] += (each.proposed_label if each.is_proposed else each.given_label) == right
                counts[f"found_{name}"] += each.is_proposed and right != each.given_label
                counts[f"needless_{name}"] += each.is_proposed and right == each.given_label
    return counts, pairs


@pytest.fixture
def compared():
    first, second = made_scores(400, 1), made_scores(380, 2, first=15)
    second.loc[second.index[:5], "given_label"] = "a"  # whose label the source has changed since
    rng = np.random.default_rng(3)
    verdicts = {f"{each:016x}": (str(CLASSES[each % 4]), str(rng.choice(CLASSES))) for each in range(0, 400, 3)}
    return first, second, verdicts, compare_runs(first, second, verdicts)


def test_overlap_and_pairs_are_those_that_a_loop_counts(compared):
    first, second, verdicts, found = compared
    counts, pairs = looped(first, second, verdicts)
    assert (found.num_samples, found.num_both, found.num_same_label) == (
        counts["samples"],
        counts["both"],
        counts["same"],
    )
    assert (found.num_only_first, found.num_only_second) == (counts["only_first"], counts["only_second"])
    assert {(p.given_label, p.proposed_label): [p.num_first, p.num_second, p.num_both] for p in found.pairs} == {
        pair: numbers for pair, numbers in pairs.items() if numbers[0] + numbers[1] > 2 * numbers[2]
    }
    differences = [p.num_first + p.num_second - 2 * p.num_both for p in found.pairs]
    assert differences == sorted(differences, reverse=True)


def test_verdicts_fit_a_run_as_a_loop_says(compared):
    first, second, verdicts, found = compared
    counts, _ = looped(first, second, verdicts)
    for name, figures in (("first", found.first_verdicts), ("second", found.second_verdicts)):
        assert figures.num_verdicts == counts["verdicts"] > 0
        assert figures.num_agreeing == counts[f"agreeing_{name}"]
        assert figures.num_found == counts[f"found_{name}"]
        assert figures.num_needless == counts[f"needless_{name}"]
    assert found.first_verdicts.num_wrong == found.second_verdicts.num_wrong


def test_a_runs_own_figures_are_of_all_its_samples(compared):
    first, _, _, found = compared
    proposed = first[first["is_proposed"]]["label_error_probability"]
    assert found.first.num_proposed == len(proposed)
    assert found.first.recall == pytest.approx(proposed.sum() / first["label_error_probability"].sum())


def test_a_run_beside_itself_differs_in_nothing():
    scores = made_scores(100, 1)
    found = compare_runs(scores, scores, {})
    assert found.num_both == found.num_same_label == found.first.num_proposed > 0
    assert (found.pairs, found.num_only_first, found.first_verdicts.num_verdicts) == ((), 0, 0)


def test_100_000_samples_take_less_than_a_second():
    first, second = made_scores(100_000, 1), made_scores(100_000, 2)
    verdicts = {f"{each:016x}": ("a", "b") for each in range(0, 100_000, 40)}
    begin_s = time.process_time()
    compare_runs(first, second, verdicts)
    assert time.process_time() - begin_s < 1


def test_only_settings_that_differ_are_listed_as_set_takes_them():
    first = {"preset": "quick", "seed": 0, "device": "cpu", "settings": PRESETS["quick"].to_dict()}
    changed = PRESETS["quick"].to_dict()
    changed["rounds"]["num_epochs"] = [4, 7]
    changed["pretrain"]["flip"] = True
    second = {"preset": "quick", "seed": 3, "device": "cpu", "settings": changed, "after_review": {"run": "x"}}
    assert setting_differences(first, first) == []
    assert setting_differences(first, second) == [
        ("seed", "0", "3"),
        ("after review", "false", "true"),
        ("pretrain.flip", "false", "true"),
        ("rounds.num_epochs", "4,7,7", "4,7"),
    ]


def test_a_setting_that_an_earlier_version_did_not_have_was_as_its_default():
    now = {"settings": PRESETS["overread"].to_dict()}
    before = {"settings": {name: values for name, values in now["settings"].items() if name != "noise"}}
    assert setting_differences(before, now) == []
