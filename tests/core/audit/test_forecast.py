"""A forecast against audits that are read to their end."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from overread.audit.design import PROPOSED, AuditQuestion, draw_order
from overread.audit.outcomes import Outcome
from overread.audit.proposal_bounds import proposal_bounds
from overread.audit.statement import make_statement

QUESTION = AuditQuestion(0.04, 0.9)


@pytest.fixture
def believed():
    """600 labels whose probabilities are right on average, and which of them are wrong."""
    rng = np.random.default_rng(5)
    probability = rng.beta(0.1, 2.4, 600)
    table = pd.DataFrame({"sample_id": [f"id{place:03}" for place in range(600)], "given_label": "a"})
    table = table.assign(label_error_probability=probability, is_proposed=probability > 0.4)
    return table, np.array(table["sample_id"])[rng.random(600) < probability]


def read(order, wrong, number):
    ids = order["sample_id"][:number].tolist()
    return {one: Outcome.CORRECTED if one in set(wrong) else Outcome.RIGHT for one in ids}


def test_most_audits_of_a_calibrated_model_end_within_the_range(believed):
    table, wrong = believed
    ends, inside = [], []
    for seed in range(8):
        question = replace(QUESTION, seed=seed)
        order, strata, _ = draw_order(table, question)
        before = make_statement(order, strata, question, {})
        low, high = before.to_read_range
        end = next(
            num
            for num in range(0, len(order) + 1, 10)
            if make_statement(order, strata, question, read(order, wrong, num), has_forecast=False).num_to_read == 0
        )
        ends.append(end)
        inside.append(low - 10 <= end <= (len(order) if high is None else high) + 10)
        assert low <= before.num_to_read <= (high or len(order))
    assert sum(inside) >= 6


def test_the_expected_course_begins_at_what_is_proved_and_ends_at_what_was_asked(believed):
    table, wrong = believed
    order, strata, _ = draw_order(table, QUESTION)
    now = make_statement(order, strata, QUESTION, read(order, wrong, 40))
    (first, most), *_, (last, least) = now.expected
    assert (first, most) == (0, now.most_wrong)
    assert last == now.num_to_read and least <= 0.04 * 600 + 2
    shares = [share for _, share in now.expected]
    assert shares == sorted(shares, reverse=True)


def test_a_question_about_proposals_samples_them_first(believed):
    table, wrong = believed
    question = AuditQuestion(min_precision=0.5)
    order, strata, _ = draw_order(table, question)
    proposed = table[table["is_proposed"]].sort_values("label_error_probability", ascending=False)
    num = len(proposed)
    assert strata[0].name == PROPOSED and strata[0].size == num
    assert set(order["sample_id"][:num]) == set(proposed["sample_id"])
    assert order["sample_id"][:num].tolist() != proposed["sample_id"].tolist()
    ids, belief = proposed["sample_id"].tolist(), proposed["label_error_probability"].to_numpy()
    before = proposal_bounds(order, ids, belief, {}, question)
    low, high = before.to_read_range
    assert low <= before.num_to_read <= (num if high is None else high)
    after = proposal_bounds(order, ids, belief, read(order, wrong, num), question)
    assert after.least_wrong[-1] == len(set(ids) & set(wrong)) and after.num_to_read == 0
    # The statement on all labels stays a valid one, of a sample that has read the proposals first.
    still = make_statement(order, strata, question, read(order, wrong, num), has_forecast=False)
    assert still.most_wrong >= len(set(wrong) - set(ids))
