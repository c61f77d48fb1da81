"""A group is one decision: confirmed on a sample, written for all, refused where the sample does not bear it."""

import json
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import hypergeom

from overread.audit.design import AuditQuestion
from overread.audit.wording import statement_lines
from overread.errors import ConfigError
from overread.files import write_atomically
from overread.pipeline.audit_report import write_report
from overread.pipeline.audit_store import load_order
from overread.pipeline.audit_study import audit_course, audit_now, drawn_sample, open_audit
from overread.pipeline.group_decision import (
    GroupDecision,
    apply_group,
    draw_group,
    draw_more,
    group_changes,
    group_progress,
    load_groups,
    undo_group,
)
from overread.pipeline.study_ledger import open_ledger
from overread.records import Verdict, VerdictKind
from overread.review.ledger import visit_key
from overread.review.queue import review_order
from overread.review.row_rules import BULK
from overread.studies.run import open_run
from overread.studies.study import open_study, save_study
from tests.app.made_study import RUN, write_study
from tests.core.pipeline.test_audit_study import read
from tests.core.review.verdicts import decision as made_decision


@pytest.fixture
def made(tmp_path):
    return write_study(tmp_path, num_samples=240)


@pytest.fixture
def group(made):
    """Images of two classes, all of which look like adenoma to the others' model."""
    samples = made.samples()
    ids = samples.loc[samples["given_label"] != "adenoma", "sample_id"].tolist()[:100]
    return {"is_swapped": False, "predicted_label": "adenoma", "given_label": "normal", "sample_ids": ids}


def test_the_sample_is_random_and_stays_as_it_was_drawn(made, group):
    drawn = draw_group(made, RUN, group, seed=4)
    assert len(drawn.drawn) == 20 and set(drawn.sample_ids) == set(group["sample_ids"])
    shuffled = group | {"sample_ids": group["sample_ids"][::-1]}
    assert draw_group(made, RUN, shuffled, seed=5) == drawn == load_groups(made)[drawn.name]
    assert set(drawn.drawn) != set(group["sample_ids"][:20])
    assert review_order(open_run(made).scores(), drawn=drawn_sample(made))[:20] == list(drawn.drawn)


def test_a_confirmed_sample_changes_the_group_and_undo_takes_all_of_it_back(made, group):
    drawn = draw_group(made, RUN, group)
    with pytest.raises(ConfigError, match="nothing of it is read yet"):
        apply_group(made, drawn, "Ada")
    read(made, drawn.drawn, reader="Ben", wrong=set(drawn.drawn))
    outcome = apply_group(made, drawn, "Ada")
    assert set(outcome.recorded) == set(drawn.sample_ids) and outcome.critical == outcome.kept == ()
    verdicts = [each.verdict for each in open_ledger(made).decisions("Ada")]
    assert {(each.protocol, each.chosen_label) for each in verdicts} == {(BULK, "adenoma")}
    assert all("20 of 20 confirmed" in each.note for each in verdicts)
    with pytest.raises(ConfigError, match="before"):
        apply_group(made, load_groups(made)[drawn.name], "Ada")
    assert undo_group(made, load_groups(made)[drawn.name]) == 100
    assert open_ledger(made).decisions("Ada") == []
    assert len(apply_group(made, load_groups(made)[drawn.name], "Ada").recorded) == 100


def test_a_sample_that_does_not_bear_the_change_is_refused_and_may_grow(made, group):
    drawn = draw_group(made, RUN, group)
    read(made, drawn.drawn, wrong=set(drawn.drawn[2:]))
    with pytest.raises(ConfigError, match=r"18 of 20 read were confirmed.*80 % is needed"):
        apply_group(made, drawn, "Ben")
    assert open_ledger(made).decisions("Ben") == []
    more = draw_more(made, draw_more(made, drawn))
    assert len(more.drawn) == 60
    read(made, more.drawn[20:], wrong=set(more.drawn))
    assert len(apply_group(made, more, "Ben").recorded) == 100


def test_critical_classes_and_own_verdicts_are_left_as_they_are(made, group):
    drawn = draw_group(made, RUN, group)
    read(made, drawn.drawn, wrong=set(drawn.drawn))
    save_study(replace(open_study(made.path), critical_classes=("serrated",)))
    given = made.samples().set_index("sample_id")["given_label"]
    outcome = apply_group(made, drawn, "Ada")
    assert set(outcome.kept) == set(drawn.drawn)
    assert {given[one] for one in outcome.critical} == {"serrated"}
    assert {given[one] for one in outcome.recorded} == {"normal"}


def test_swapped_labels_change_both_ways_and_no_third_class_does():
    group = {"is_swapped": True, "predicted_label": "a", "given_label": "b"}
    assert group_changes(group, ("a", "b", "c")) == {"a": "b", "b": "a"}
    assert group_changes(group | {"is_swapped": False}, ("a", "b", "c")) == {"b": "a", "c": "a"}


def test_each_label_of_a_swap_changes_to_the_other_class(made):
    samples = made.samples().set_index("sample_id")["given_label"]
    ids = samples.index[samples.isin(["normal", "serrated"])].tolist()[:60]
    group = {"is_swapped": True, "predicted_label": "normal", "given_label": "serrated", "sample_ids": ids}
    drawn = draw_group(made, RUN, group)
    other = {"normal": "serrated", "serrated": "normal"}
    ledger = open_ledger(made)
    with ledger.writing() as connection:
        for one in drawn.drawn:
            given, new = samples[one], other[samples[one]]
            key = visit_key("Ben", one, "1")
            verdict = Verdict(one, "Ben", VerdictKind.ACCEPT, given, new, new, RUN, 0.5, key)
            ledger.append_verdict(connection, verdict)
    assert len(apply_group(made, drawn, "Ada").recorded) == 60
    chosen = {each.verdict.sample_id: each.verdict.chosen_label for each in ledger.decisions("Ada")}
    assert chosen == {one: other[samples[one]] for one in ids}


def test_an_audit_bounds_what_a_decision_changed_by_the_sample_of_the_group(made, group, tmp_path):
    text = json.dumps({"groups": [group | {"column": "site", "value": "2", "share": 1, "share_elsewhere": 0.01}]})
    write_atomically(open_run(made).path / "contradicted_groups.json", text)
    audit = open_audit(made, AuditQuestion(0.2, seed=1))
    assert {(each.name, each.size) for each in audit.strata if each.group} == {("at site 2, looks like adenoma", 100)}
    drawn = draw_more(made, draw_group(made, RUN, group))
    order = load_order(made, audit)["sample_id"].tolist()
    in_group = set(group["sample_ids"])
    read(made, drawn.drawn, reader="Ben", wrong=in_group)
    read(made, [one for one in order if one not in in_group][:100], reader="Ben", wrong=set())
    before = audit_now(made).statement
    assert before.most_wrong > 60 and before.num_changed == 0
    apply_group(made, drawn, "Ada")
    after = audit_now(made).statement
    assert after.num_changed == 60 and 0 < after.most_wrong_changed < 20
    assert after.most_wrong < 48 and after.num_unread_changes == 0
    said = " ".join(statement_lines(after, audit.question))
    assert f"one decision changed 60 labels unread: at most {after.most_wrong_changed} of them are wrong" in said
    out = tmp_path / "report.html"
    write_report(made, out)
    assert "One decision changed 60 labels unread" in out.read_text() and "half of the error prob" in out.read_text()
    assert audit_course(made)[-1] == (after.num_read, after.share)
    assert "<th>Changed unread</th>" in out.read_text()
    assert [each.num_changed for each in after.tallies if each.stratum.group] == [60]
    undo_group(made, load_groups(made)[drawn.name])
    assert audit_now(made).statement == before


def verdicts_on(order, right):
    return [
        made_decision(number, one, kind="accept" if one in right else "reject") for number, one in enumerate(order, 1)
    ]


@pytest.mark.parametrize("num_right", [60, 80])
def test_the_bound_holds_at_every_look(num_right):
    rng, ids = np.random.default_rng(1), [f"id{place:03}" for place in range(100)]
    missed = 0
    for _ in range(60):
        order = tuple(rng.permutation(ids).tolist())
        whole = GroupDecision("g", RUN, {"normal": "tumour"}, order, 100, 0, "")
        found = verdicts_on(order[:40], set(ids[:num_right]))
        missed += any(group_progress(whole, found[:num]).least_right > num_right for num in range(0, 41, 4))
    assert missed <= 7  # of 60 at 95 %: 8 or more would be chance once in 100


def test_looking_whenever_one_likes_costs_little_beside_the_exact_bound_of_one_look():
    ids = tuple(f"id{place:03}" for place in range(100))
    whole = GroupDecision("g", RUN, {"normal": "tumour"}, ids, 20, 0, "")
    bound = group_progress(whole, verdicts_on(ids[:20], set(ids))).least_right
    once = next(num for num in range(101) if hypergeom.sf(19, 100, num, 20) > 0.05)
    assert once - 5 <= bound <= once
