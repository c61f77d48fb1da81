import numpy as np
import pytest

from overread.detection.cross_fitted_consensus import NO_CONSENSUS, CrossFittedConsensus
from overread.detection.proposal_set import proposable
from overread.proposals.score_table import consensus_columns, score_table

CLASSES = ("normal", "1", "true")


def made_case(num_samples=50, seed=0):
    rng = np.random.default_rng(seed)
    given = rng.integers(0, 3, num_samples)
    probs = rng.dirichlet(np.ones(3), size=num_samples)
    proposed = np.where(rng.random(num_samples) < 0.3, (given + rng.integers(1, 3, num_samples)) % 3, given)
    scores = {name: rng.random(num_samples).astype(np.float32) for name in ("margin", "networks")}
    return [f"id{i}" for i in range(num_samples)], given, probs, proposed, scores


def table_of(ids, given, probs, proposed, scores):
    kinds = np.where(proposed != given, "relabel", "")
    return score_table(ids, given, CLASSES, probs=probs, proposed=proposed, scores=scores, words={"kind": kinds})


def test_columns_and_rows_stand_in_their_order():
    ids, given, *rest = made_case()
    table = table_of(ids, given, *rest)
    assert list(table.columns) == [
        "sample_id",
        "given_label",
        "proposed_label",
        "label_error_probability",
        "is_proposed",
        "score_margin",
        "score_networks",
        "p_normal",
        "p_1",
        "p_true",
        "kind",
    ]
    assert table["sample_id"].tolist() == ids
    assert table["given_label"].tolist() == [CLASSES[k] for k in given]


def test_a_row_holds_what_is_said_of_its_sample():
    ids, given, probs, proposed, scores = made_case()
    table = table_of(ids, given, probs, proposed, scores)
    for i, row in enumerate(table.itertuples(index=False)):
        assert list(row[-4:-1]) == pytest.approx(list(probs[i]), abs=1e-6)
        assert row.label_error_probability == pytest.approx(1 - probs[i, given[i]], abs=1e-6)
        assert row.proposed_label == CLASSES[proposed[i]]
        assert row.is_proposed == ("true" if proposed[i] != given[i] else "false")
        assert row.kind == ("relabel" if proposed[i] != given[i] else "")
        assert (row.score_margin, row.score_networks) == pytest.approx(
            (scores["margin"][i], scores["networks"][i]), abs=1e-6
        )
    assert set(table["is_proposed"]) == {"true", "false"}


def test_a_class_with_a_single_trained_sample_is_not_proposable():
    given = np.array([0, 0, 1, 2, 2, 2, 3])
    is_trained = np.array([True, True, True, True, False, False, False])
    expected = [True, True, False, False, False, False, False]
    assert proposable(given, is_trained, 4).tolist() == expected


def test_probabilities_are_within_0_and_1_and_sum_to_1():
    ids, given, probs, proposed, scores = made_case()
    probs = probs.astype(np.float32)
    probs[0] = [0.3333333, 0.3333333, 0.3333336]
    probs[1:6] = np.eye(3, dtype=np.float32)[given[1:6]]
    table = table_of(ids, given, probs, proposed, scores)
    numbers = table[["label_error_probability", "p_normal", "p_1", "p_true"]].to_numpy()
    assert ((numbers >= 0) & (numbers <= 1)).all()
    np.testing.assert_allclose(table.iloc[:, -4:-1].sum(axis=1), 1, atol=2e-6)


def test_a_consensus_is_written_with_who_reached_it_and_none_as_empty_cells():
    labels = np.array([2, NO_CONSENSUS, 0])
    consensus = CrossFittedConsensus(
        labels, np.zeros(3, dtype=np.float32), "4 classifiers", np.ones((4, 3), dtype=bool)
    )
    assert consensus_columns(consensus, CLASSES) == {
        "consensus": ["true", "", "normal"],
        "consensus_of": ["4 classifiers", "", "4 classifiers"],
    }
