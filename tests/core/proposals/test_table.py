import numpy as np
import pytest

from core.proposals.table import proposable, score_table

CLASSES = ("normal", "1", "true")


def made_case(num_samples=50, seed=0):
    rng = np.random.default_rng(seed)
    given = rng.integers(0, 3, num_samples)
    scorers = {name: rng.dirichlet(np.ones(3), size=num_samples) for name in ("warmup", "rounds", "cross_validated")}
    return [f"id{i}" for i in range(num_samples)], given, scorers


def table_of(ids, given, scorers, **options):
    options = {"judged_by": ["rounds", "cross_validated"], "is_proposable": np.ones(len(given), dtype=bool), **options}
    return score_table(ids, given, CLASSES, scorer_probs=scorers, **options)


def test_columns_and_rows_stand_in_their_order():
    ids, given, scorers = made_case()
    table = table_of(ids, given, scorers)
    assert list(table.columns) == [
        "sample_id",
        "given_label",
        "proposed_label",
        "label_error_probability",
        "is_proposed",
        "score_warmup",
        "score_rounds",
        "score_cross_validated",
        "p_normal",
        "p_1",
        "p_true",
    ]
    assert table["sample_id"].tolist() == ids
    assert table["given_label"].tolist() == [CLASSES[k] for k in given]


def test_the_mean_of_the_judging_scorers_decides():
    ids, given, scorers = made_case()
    table = table_of(ids, given, scorers)
    for i, row in enumerate(table.itertuples(index=False)):
        mean = [(scorers["rounds"][i, k] + scorers["cross_validated"][i, k]) / 2 for k in range(3)]
        assert list(row[-3:]) == pytest.approx(mean, abs=1e-6)
        assert row.label_error_probability == pytest.approx(1 - mean[given[i]], abs=1e-6)
        assert row.proposed_label == CLASSES[mean.index(max(mean))]
        assert row.score_warmup == pytest.approx(1 - scorers["warmup"][i, given[i]], abs=1e-6)
        assert row.is_proposed == ("true" if row.proposed_label != row.given_label else "false")
    assert set(table["is_proposed"]) == {"true", "false"}


def test_consensus_labels_are_proposed_whatever_the_mean_says():
    ids, given, scorers = made_case()
    consensus = np.where(np.arange(50) < 10, (given + 1) % 3, given)
    table = table_of(ids, given, scorers, judged_by=["rounds"], consensus_labels=consensus)
    assert (table["is_proposed"] == "true").to_numpy().nonzero()[0].tolist() == list(range(10))
    assert table["proposed_label"].tolist() == [CLASSES[k] for k in consensus]
    expected = 1 - scorers["rounds"][np.arange(50), given]
    np.testing.assert_allclose(table["label_error_probability"], expected, atol=1e-6)


@pytest.mark.parametrize("has_consensus", [False, True])
def test_a_sample_that_may_not_be_proposed_keeps_its_label(has_consensus):
    ids, given, scorers = made_case()
    is_proposable = np.arange(50) % 2 == 0
    consensus = (given + 1) % 3 if has_consensus else None
    table = table_of(ids, given, scorers, is_proposable=is_proposable, consensus_labels=consensus)
    kept = table[~is_proposable]
    assert (kept["is_proposed"] == "false").all()
    assert kept["proposed_label"].equals(kept["given_label"])
    assert (table.loc[is_proposable, "is_proposed"] == "true").any()


def test_a_class_with_a_single_trained_sample_is_not_proposable():
    given = np.array([0, 0, 1, 2, 2, 2, 3])
    is_trained = np.array([True, True, True, True, False, False, False])
    expected = [True, True, False, False, False, False, False]
    assert proposable(given, is_trained, 4).tolist() == expected


def test_probabilities_are_within_0_and_1_and_sum_to_1():
    ids, given, scorers = made_case()
    rounded = {name: probs.astype(np.float32) for name, probs in scorers.items()}
    rounded["rounds"][0] = [0.3333333, 0.3333333, 0.3333336]
    rounded["cross_validated"][:5] = np.eye(3, dtype=np.float32)[given[:5]]
    table = table_of(ids, given, rounded)
    numbers = table.iloc[:, [3, *range(5, 11)]].to_numpy()
    assert ((numbers >= 0) & (numbers <= 1)).all()
    np.testing.assert_allclose(table.iloc[:, -3:].sum(axis=1), 1, atol=2e-6)
