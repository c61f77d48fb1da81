"""Which of the labels that two readers judged bound the others."""

import pandas as pd

from overread.pipeline.audit_evidence import reading_pairs
from tests.core.review.verdicts import decision


def test_pairs_after_a_gap_in_the_order_tell_how_readers_err_and_bound_nothing():
    """s1 and s2 are judged twice, s3 once, s4 by three: the first two count."""
    order = pd.DataFrame({"sample_id": ["s1", "s2", "s3", "s4"], "given_label": "normal", "stratum": [0, 1, 1, 1]})
    said = [
        ("s1", "ann", "tumour"),
        ("s1", "bob", "tumour"),
        ("s2", "ann", "tumour"),
        ("s2", "bob", "normal"),
        ("s3", "ann", "normal"),
        ("s4", "ann", "normal"),
        ("s4", "bob", "normal"),
        ("s4", "cyd", "tumour"),
    ]
    decisions = [
        decision(
            number,
            sample,
            reader,
            "relabel" if label == "tumour" else "reject",
            given_label="normal",
            chosen_label=label,
        )
        for number, (sample, reader, label) in enumerate(said, start=1)
    ]
    pairs, in_order = reading_pairs(order, 2, decisions)
    assert pairs.tolist() == [[1, 0, 0], [0, 1, 1]]
    assert in_order.tolist() == [[1, 0, 0], [0, 1, 0]]
