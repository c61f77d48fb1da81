"""Statements, from verdicts to bounds, against small studies whose truth is known."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from overread.audit.confidence_set import ConfidenceSet, Counts
from overread.audit.design import CENSUS, AuditQuestion, draw_order, group_alpha, plan, rest_predictor, sampled_question
from overread.audit.outcomes import Outcome, bulk_changes, label_outcomes
from overread.audit.proposal_bounds import proposal_bounds
from overread.audit.statement import BulkChanges, make_statement
from overread.errors import ConfigError
from tests.core.review.verdicts import decision

QUESTION = AuditQuestion(0.05, 0.9)


def labels(num=400, seed=0):
    """A table as of a run, and which of its labels are wrong: the probabilities are calibrated."""
    rng = np.random.default_rng(seed)
    probability = rng.beta(0.1, 2, num)
    table = pd.DataFrame(
        {
            "sample_id": [f"{each:04x}" for each in rng.permutation(num)],
            "given_label": np.where(rng.random(num) < 0.3, "tumour", "normal"),
            "label_error_probability": probability,
        }
    )
    return table, set(table["sample_id"][rng.random(num) < probability])


def read(order, wrong, num):
    return {one: Outcome.CORRECTED if one in wrong else Outcome.RIGHT for one in order["sample_id"][:num]}


def test_the_draw_follows_the_seed_and_not_the_order_of_rows():
    table, _ = labels()
    first, strata, num_planned = draw_order(table, QUESTION)
    shuffled, *_ = draw_order(table.sample(frac=1, random_state=3), QUESTION)
    other, *_ = draw_order(table, replace(QUESTION, seed=1))
    assert first.equals(shuffled)
    assert not first.equals(other)
    assert sorted(first["sample_id"]) == sorted(table["sample_id"])
    assert sum(stratum.size for stratum in strata) == len(table) and 0 < num_planned < len(table)


def test_the_census_holds_the_most_doubtful_labels_and_is_read_within_the_plan():
    table, _ = labels()
    order, strata, num_planned = draw_order(table, QUESTION)
    assert strata[0].name == CENSUS and strata[0].is_census
    doubt = table.set_index("sample_id")["label_error_probability"]
    is_census = (order["stratum"] == 0).to_numpy()
    assert doubt[order["sample_id"][is_census]].min() >= doubt[order["sample_id"][~is_census]].max()
    assert is_census[:num_planned].sum() == strata[0].size


def test_the_plan_draws_enough_beside_a_model_that_may_be_wrong():
    sees_nothing = np.full(1000, 1e-4)
    assert plan(sees_nothing, 1000, AuditQuestion(0.3)) == (0, 200)
    sees_some = np.where(np.arange(1000) < 100, 0.9, 0.001)
    num_census, num_rest = plan(sees_some, 1000, AuditQuestion(0.02))
    assert num_census >= 100 and num_rest >= 2 * num_census


def test_each_class_of_the_rest_is_a_stratum_where_that_is_asked():
    table, _ = labels()
    _, strata, _ = draw_order(table, replace(QUESTION, by_class=True))
    assert [stratum.name for stratum in strata] == [CENSUS, "rest: normal", "rest: tumour"]


def test_without_a_run_all_labels_are_one_random_sample():
    table, _ = labels()
    _, [stratum], num_planned = draw_order(table[["sample_id", "given_label"]], QUESTION)
    assert (stratum.is_census, stratum.belief, stratum.size) == (False, None, 400)
    assert 0 < num_planned < 400


def test_nothing_read_proves_nothing_and_everything_read_is_exact():
    table, wrong = labels()
    order, strata, num_planned = draw_order(table, QUESTION)
    before = make_statement(order, strata, QUESTION, {})
    assert (before.most_wrong, before.num_read, before.num_to_read) == (400, 0, num_planned)
    outcomes = read(order, wrong, 400)
    outcomes[next(iter(wrong))] = Outcome.DISPUTED
    after = make_statement(order, strata, QUESTION, outcomes)
    assert (after.most_wrong, after.num_mended, after.num_to_read) == (1, len(wrong) - 1, 0)


@pytest.mark.parametrize("seed", range(5))
def test_at_every_moment_the_statement_bounds_what_is_still_wrong(seed):
    table, wrong = labels(seed=seed)
    order, strata, _ = draw_order(table, replace(QUESTION, confidence=0.999, seed=seed))
    question = replace(QUESTION, confidence=0.999)
    shares = []
    for num in range(0, 401, 40):
        statement = make_statement(order, strata, question, read(order, wrong, num))
        still = len(wrong - set(order["sample_id"][:num]))
        assert still <= statement.most_wrong
        shares.append(statement.share)
    assert shares[-1] == 0 and shares == sorted(shares, reverse=True)


def test_a_gap_in_the_order_holds_back_what_comes_after_it():
    table, wrong = labels()
    order, strata, num_planned = draw_order(table, QUESTION)
    outcomes = read(order, wrong, num_planned)
    whole = make_statement(order, strata, QUESTION, outcomes)
    first_of_rest = order.loc[order["stratum"] == 1, "sample_id"].iloc[0]
    del outcomes[first_of_rest]
    gap = make_statement(order, strata, QUESTION, outcomes)
    assert gap.tallies[1].num_in_order == 0
    assert gap.most_wrong > whole.most_wrong
    # What is read is known all the same.
    assert gap.most_wrong <= 400 - gap.num_read


def test_a_planned_label_that_is_put_off_counts_as_wrong_and_holds_back_no_other():
    table, wrong = labels()
    order, strata, num_planned = draw_order(table, QUESTION)
    assert strata[0].num_planned == 0 and strata[1].num_planned == num_planned - strata[0].size
    outcomes = read(order, wrong, num_planned)
    whole = make_statement(order, strata, QUESTION, outcomes)
    first = next(one for one in order.loc[order["stratum"] == 1, "sample_id"] if one not in wrong)
    del outcomes[first]
    put_off = make_statement(order, strata, QUESTION, outcomes)
    disputed = make_statement(order, strata, QUESTION, outcomes | {first: Outcome.DISPUTED})
    assert put_off.tallies[1].num_in_order == 0
    assert whole.most_wrong < put_off.most_wrong == disputed.most_wrong


def test_an_audit_that_planned_no_sample_bounds_as_it_did():
    table, wrong = labels()
    order, strata, num_planned = draw_order(table, QUESTION)
    earlier = tuple(replace(stratum, num_planned=0) for stratum in strata)
    statement = make_statement(order, earlier, QUESTION, read(order, wrong, num_planned))
    num_read = num_planned - strata[0].size
    found = sum(one in wrong for one in order["sample_id"][:num_planned][order["stratum"] == 1])
    counts = Counts.of([strata[1].size], [num_read], [found])
    sequence = ConfidenceSet(counts, rest_predictor([strata[1].belief], QUESTION), QUESTION.alpha)
    assert statement.most_wrong == sequence.most() - found


def test_disputed_and_not_judged_count_as_wrong_and_ambiguous_apart():
    table, _ = labels()
    order, strata, num_planned = draw_order(table, QUESTION)
    outcomes = read(order, set(), num_planned)
    right = make_statement(order, strata, QUESTION, outcomes)
    first = order["sample_id"][0]
    for outcome in (Outcome.DISPUTED, Outcome.NOT_JUDGED):
        assert make_statement(order, strata, QUESTION, outcomes | {first: outcome}).most_wrong > right.most_wrong
    ambiguous = make_statement(order, strata, QUESTION, outcomes | {first: Outcome.AMBIGUOUS})
    assert (ambiguous.most_wrong, ambiguous.num_ambiguous) == (right.most_wrong, 1)


def test_labels_changed_unseen_count_as_wrong():
    table, wrong = labels()
    order, strata, num_planned = draw_order(table, QUESTION)
    outcomes = read(order, wrong, num_planned)
    seen = make_statement(order, strata, QUESTION, outcomes)
    unseen = BulkChanges(frozenset(order["sample_id"][-3:]))
    after = make_statement(order, strata, QUESTION, outcomes, changes=unseen)
    assert (after.most_wrong, after.num_unread_changes) == (seen.most_wrong + 3, 3)


def grouped(num_right=80, seed=0):
    """Labels of which 80 are a group that a decision gives other labels, right for so many; the draw, and the wrong."""
    table, wrong = labels(seed=seed)
    group = table["sample_id"][np.random.default_rng(seed).permutation(400)[:80]].tolist()
    wrong = (wrong - set(group)) | set(group[:num_right])
    is_in = table["sample_id"].isin(group)
    table = table.assign(group=np.where(is_in, "g", ""), group_text=np.where(is_in, "at site 2, looks like tumour", ""))
    question = AuditQuestion(0.05, 0.999, seed=seed)
    order, strata, _ = draw_order(table, question)
    return question, order, strata, group, wrong


def test_a_group_whose_labels_stand_out_is_a_stratum_and_one_that_is_small_is_not():
    question, order, strata, group, _ = grouped()
    (place,) = [place for place, each in enumerate(strata) if each.group]
    assert (strata[place].name, strata[place].size) == ("at site 2, looks like tumour", 80)
    assert set(order["sample_id"][order["stratum"] == place]) == set(group)
    assert group_alpha(strata, question) + sampled_question(strata, question).alpha == pytest.approx(0.001)
    table, _ = labels()
    few = table.assign(group=["g"] * 19 + [""] * 381, group_text="few")
    assert draw_order(few, question)[1] == draw_order(table, question)[1]


@pytest.mark.parametrize("num_right", [80, 70])
@pytest.mark.parametrize("seed", range(3))
def test_after_a_decision_on_a_group_the_bound_holds_and_is_narrow(seed, num_right):
    question, order, strata, group, wrong = grouped(num_right, seed)
    in_order = [one for one in order["sample_id"] if one not in set(group)]
    changes = BulkChanges(frozenset(group), {"g": 80 - num_right + 5})
    for num in (0, 100, 200, 320):
        outcomes = {one: Outcome.CORRECTED if one in wrong else Outcome.RIGHT for one in in_order[:num]}
        after = make_statement(order, strata, question, outcomes, changes=changes)
        elsewhere = len(wrong - set(group) - set(in_order[:num]))
        assert elsewhere + 80 - num_right <= after.most_wrong
        assert (after.num_changed, after.most_wrong_changed) == (80, 80 - num_right + 5)
    # All else is read: what the group's sample leaves possible is left.
    assert after.most_wrong == 80 - num_right + 5
    unsaid = make_statement(order, strata, question, outcomes, changes=BulkChanges(frozenset(group)))
    assert unsaid.most_wrong == 160 and unsaid.num_unread_changes == 80


def test_of_a_decided_group_what_was_read_or_left_is_counted_as_it_is():
    question, order, strata, group, wrong = grouped()
    rest = {one: Outcome.CORRECTED if one in wrong else Outcome.RIGHT for one in order["sample_id"]}
    outcomes = {one: outcome for one, outcome in rest.items() if one not in set(group)}
    outcomes |= {group[0]: Outcome.CORRECTED, group[1]: Outcome.DISPUTED, group[2]: Outcome.RIGHT}
    changes = BulkChanges(frozenset(group) - {group[3], group[4]}, {"g": 6})
    # At most 6 of the 75 changed unread, two left as they were, and the disputed one.
    assert make_statement(order, strata, question, outcomes, changes=changes).most_wrong == 6 + 2 + 1


@pytest.mark.parametrize("seed", range(5))
def test_at_every_cut_off_the_bound_on_the_proposals_holds(seed):
    table, wrong = labels(seed=seed)
    order, *_ = draw_order(table, replace(QUESTION, seed=seed))
    proposals = table.sort_values("label_error_probability", ascending=False)[:120]
    ids = proposals["sample_id"].tolist()
    belief = proposals["label_error_probability"].to_numpy()
    truth = np.cumsum([one in wrong for one in ids])
    gained = []
    for num in range(0, 401, 50):
        bounds = proposal_bounds(order, ids, belief, read(order, wrong, num), replace(QUESTION, confidence=0.999))
        assert bounds.cut_offs == tuple(range(1, 121))
        assert (np.array(bounds.least_wrong) <= truth).all()
        gained.append(bounds.least_wrong[-1])
    assert gained[0] == 0 and gained[-1] == truth[-1]


def test_no_proposal_has_no_bound():
    table, _ = labels()
    order, *_ = draw_order(table, QUESTION)
    assert proposal_bounds(order, [], np.empty(0), {}, QUESTION).cut_offs == ()


def test_the_outcome_of_each_label_follows_its_verdicts():
    given = dict.fromkeys("abcdefgh", "normal")
    decisions = [
        decision(1, "a"),
        decision(2, "b", kind="reject"),
        decision(3, "c", kind="exclude"),
        decision(4, "d", kind="ambiguous"),
        decision(5, "e", kind="cannot_judge"),
        decision(6, "f"),
        decision(7, "f", "bob", "reject"),
        decision(8, "g", "bob", "ambiguous"),
        decision(9, "g", "ann", "reject"),
        decision(10, "h", protocol="bulk"),
        decision(11, "unknown"),
        decision(12, "h", "bob", given_label="polyp"),
    ]
    assert label_outcomes(decisions, given) == {
        "a": Outcome.CORRECTED,
        "b": Outcome.RIGHT,
        "c": Outcome.EXCLUDED,
        "d": Outcome.AMBIGUOUS,
        "e": Outcome.NOT_JUDGED,
        "f": Outcome.DISPUTED,
        "g": Outcome.RIGHT,
    }
    assert bulk_changes(decisions, given) == {"h"}


def test_a_share_outside_0_to_1_is_refused():
    with pytest.raises(ConfigError, match="--max-wrong"):
        AuditQuestion(max_wrong=2)
    with pytest.raises(ConfigError, match="--confidence"):
        AuditQuestion(confidence=1)
