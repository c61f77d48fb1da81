import pandas as pd

from overread.review.final_labels import final_labels
from overread.review.reviewed import reviewed_samples
from tests.core.review.verdicts import decision

SAMPLES = pd.DataFrame(
    [["s1", "a.png", "normal", "train"], ["s2", "b.png", "tumour", ""]],
    columns=["sample_id", "image", "given_label", "split"],
)
SCORES = pd.DataFrame(
    {
        "sample_id": ["s1", "s2"],
        "label_error_probability": [0.75, 0.5],
        "is_proposed": [True, True],
        "proposed_label": ["tumour", "tumour"],
    }
)


def test_what_the_run_says_stands_beside_what_was_decided():
    first, _ = reviewed_samples(SAMPLES, final_labels([decision(1, "s1", score=0.6)]), scores=SCORES, run="run-9")
    assert (first.final_label, first.verdict, first.decided_on_run, first.decided_on_score) == (
        *("tumour", "accept", "run-1", 0.6),
    )
    assert (first.run, first.error_probability, first.proposed_label) == ("run-9", 0.75, "tumour")


def test_a_proposal_that_the_source_has_taken_since_is_none():
    second = reviewed_samples(SAMPLES, {}, scores=SCORES, run="run-9")[1]
    assert (second.proposed_label, second.final_label, second.error_probability) == ("", "tumour", 0.5)


def test_a_sample_that_the_run_does_not_know_has_no_run():
    second = reviewed_samples(SAMPLES, {}, scores=SCORES[:1], run="run-9")[1]
    assert (second.run, second.error_probability, second.proposed_label) == ("", None, "")
