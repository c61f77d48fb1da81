import pytest

from overread_app.components.sample_card import kind_words
from overread_app.components.scorer_votes import consensus_words, vote
from overread_app.words.catalogue import ENGLISH


def test_each_kind_of_proposal_has_its_words():
    probs = {"a": 0.1, "<b>": 0.5, "c": 0.4}
    assert kind_words("relabel", ENGLISH, probs=probs, same_labels=[]) == "Another class fits this image better"
    assert kind_words("ambiguous", ENGLISH, probs=probs, same_labels=[]) == "Two classes fit: <b> and c"
    assert kind_words("outlier", ENGLISH, probs=probs, same_labels=[]) == "Looks unlike every class in this study"
    words = kind_words("duplicate", ENGLISH, probs=probs, same_labels=["c", "<b>", "c"])
    assert words == "An almost identical image is labelled c or <b>"
    assert kind_words("", ENGLISH, probs=probs, same_labels=[]) == ""


@pytest.mark.parametrize(("score", "said"), [(0.0, "fits"), (0.33, "fits"), (0.5, "unsure"), (0.67, "doubts")])
def test_a_score_is_said_in_a_word(score, said):
    assert vote(score) == said


def test_a_consensus_is_said_in_a_sentence_that_names_its_voters():
    assert consensus_words("serrated", "3 stages", ENGLISH) == "Consensus: serrated at every stage"
    assert consensus_words("serrated", "4 classifiers", ENGLISH) == "All 4 classifiers say serrated"
    assert consensus_words("", "", ENGLISH) == ""
