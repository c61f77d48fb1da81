import pandas as pd

from overread.records import VerdictKind
from overread.review.outcomes import outcomes
from tests.core.review.verdicts import decision


def test_accepted_and_relabelled_are_wrong_rejected_is_right_and_the_others_say_neither():
    scores = pd.DataFrame({"sample_id": list("stuvwx"), "given_label": "normal"})
    made = [decision(1, sample_id, "ann", kind) for sample_id, kind in zip("xwvuts", VerdictKind, strict=True)]
    places, is_error = outcomes(scores, made, run="run-1")
    assert dict(zip(places.tolist(), is_error.tolist(), strict=True)) == {5: True, 4: False, 3: True}


def test_verdicts_on_another_run_another_label_or_an_unknown_sample_are_left_out():
    scores = pd.DataFrame({"sample_id": list("stu"), "given_label": "normal"})
    made = [decision(1, "s", run="run-0"), decision(2, "t", given_label="polyp"), decision(3, "unknown")]
    places, is_error = outcomes(scores, made, run="run-1")
    assert (places.tolist(), is_error.tolist()) == ([], [])
    assert (places.dtype, is_error.dtype) == (int, bool)
