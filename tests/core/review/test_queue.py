import numpy as np
import pandas as pd

from overread.review.queue import DrawnSample, chosen_samples, likely_labels, review_order
from overread.review.queue_choice import QueueChoice


def scores(num_samples=60, num_proposed=20, seed=0):
    """Half of the proposals share one probability."""
    rng = np.random.default_rng(seed)
    probabilities = np.round(rng.uniform(0.5, 1, num_samples), 4)
    probabilities[: num_proposed // 2] = 0.75
    return pd.DataFrame(
        {
            "sample_id": [f"id{index:03d}" for index in range(num_samples)],
            "given_label": ["a", "b"] * (num_samples // 2),
            "label_error_probability": probabilities,
            "is_proposed": np.arange(num_samples) < num_proposed,
        }
    )


def test_proposals_come_by_falling_probability_and_nothing_else_does():
    table = scores()
    order = review_order(table)
    by_id = table.set_index("sample_id")
    assert sorted(order) == sorted(table.loc[table["is_proposed"], "sample_id"])
    assert (np.diff(np.floor(100 * by_id.loc[order, "label_error_probability"])) <= 0).all()


def test_neither_the_order_nor_the_controls_follow_the_order_of_files():
    table = scores()
    shuffled = table.sample(frac=1, random_state=3)
    assert review_order(table, QueueChoice(num_controls=9), seed=4) == review_order(
        shuffled, QueueChoice(num_controls=9), seed=4
    )
    ties = [name for name in review_order(table) if name in set(table["sample_id"][:10])]
    assert ties != sorted(ties)
    assert ties != sorted(ties, reverse=True)


def test_a_least_probability_brings_whatever_reaches_it_and_spares_the_rest():
    table = scores()
    reaches = set(table.loc[table["label_error_probability"] >= 0.75, "sample_id"])
    assert set(review_order(table, QueueChoice(min_probability=0.75))) == reaches
    mixed = review_order(table, QueueChoice(min_probability=0.75, num_controls=1000))
    spared = table[table["is_proposed"] & (table["label_error_probability"] < 0.75)]
    assert len(spared) > 0
    assert sorted(mixed) == sorted(set(table["sample_id"]) - set(spared["sample_id"]))


def test_a_lower_least_probability_adds_samples_behind_those_that_were_there():
    table = scores()
    order = review_order(table, QueueChoice(min_probability=0.7))
    assert order[: len(review_order(table, QueueChoice(min_probability=0.8)))] == review_order(
        table, QueueChoice(min_probability=0.8)
    )


def test_a_class_with_a_single_sample_is_never_chosen():
    table = scores().assign(label_error_probability=0.9)
    table.loc[3, "given_label"] = "rare"
    assert np.flatnonzero(~chosen_samples(table, 0.5)).tolist() == [3]


def test_the_label_shown_is_the_proposed_one_and_else_the_most_probable_of_the_others():
    rng = np.random.default_rng(0)
    probs = rng.dirichlet(np.ones(3), 40)
    table = pd.DataFrame(
        {
            "given_label": rng.choice(["a", "b", "c"], 40),
            "proposed_label": "c",
            "is_proposed": rng.random(40) < 0.3,
            **{f"p_{name}": probs[:, place] for place, name in enumerate("abc")},
        }
    )
    for row, label in zip(table.itertuples(), likely_labels(table), strict=True):
        others = sorted((getattr(row, f"p_{name}"), name) for name in "abc" if name != row.given_label)
        assert label == ("c" if row.is_proposed else others[-1][1])


def test_controls_are_samples_that_were_not_proposed_drawn_by_the_seed():
    table = scores()
    proposed = set(table.loc[table["is_proposed"], "sample_id"])
    orders = [review_order(table, QueueChoice(num_controls=8), seed=seed) for seed in (0, 0, 1)]
    controls = [[name for name in order if name not in proposed] for order in orders]
    assert orders[0] == orders[1]
    assert set(controls[0]) != set(controls[2])
    assert [len(set(drawn)) for drawn in controls] == [8, 8, 8]
    assert [name for name in orders[0] if name in proposed] == review_order(table)


def test_controls_stand_anywhere_in_the_queue():
    table = scores()
    proposed = set(table.loc[table["is_proposed"], "sample_id"])
    places = [
        place
        for seed in range(200)
        for place, name in enumerate(review_order(table, QueueChoice(num_controls=5), seed=seed))
        if name not in proposed
    ]
    # Of 25 places each holds a control with probability 1/5: 40 of 200 queues, standard deviation 5.7.
    assert np.abs(np.bincount(places, minlength=25) - 40).max() < 4 * 5.7


def test_no_samples_make_no_queue():
    assert review_order(scores().iloc[:0], QueueChoice(num_controls=3)) == []


def test_digits_that_mean_nothing_do_not_bring_one_class_after_the_other():
    probabilities = np.r_[np.linspace(0.9909, 0.9901, 40), np.linspace(0.80, 0.81, 10)]
    ids = [f"id{place}" for place in range(50)]
    given = ["a"] * 20 + ["b"] * 20 + ["a"] * 10
    table = pd.DataFrame({"sample_id": ids, "given_label": given, "is_proposed": True})
    order = review_order(table.assign(label_error_probability=probabilities))
    assert set(order[:40]) == set(ids[:40])
    shown = [given[ids.index(name)] for name in order[:40]]
    assert 5 < shown[:20].count("a") < 15


def test_an_audits_sample_takes_the_place_of_controls():
    table = scores()
    ids, proposed = table["sample_id"].tolist(), set(table.loc[table["is_proposed"], "sample_id"])
    plain = [one for one in ids if one not in proposed]
    first, census, *_ = review_order(table)
    drawn = DrawnSample({plain[3]: 0, first: 1, plain[1]: 2, census: 3}, {plain[3], first, plain[1]})
    order = review_order(table, QueueChoice(num_controls=9), drawn=drawn)
    assert sorted(order) == sorted({*proposed, plain[1], plain[3]})
    assert [one for one in order if one in drawn.in_order] == [plain[3], first, plain[1]]
    assert max(order.index(one) for one in drawn.in_order) < 2 * len(drawn.in_order)
    rest = [one for one in review_order(table) if one != first]
    assert [one for one in order if one in rest] == rest
    # Under a filter part of the sample would be read out of its order.
    given = table["given_label"].iloc[0]
    assert review_order(table, QueueChoice(given=given), drawn=drawn) == review_order(table, QueueChoice(given=given))


def test_a_random_queue_follows_the_audits_draw():
    table = scores()
    proposed = table.loc[table["is_proposed"], "sample_id"].tolist()
    drawn = DrawnSample({one: rank for rank, one in enumerate(reversed(proposed))}, set())
    assert review_order(table, QueueChoice("random"), drawn=drawn) == proposed[::-1]
