import numpy as np
import pandas as pd
import pytest

from overread_app.components import evidence_panel
from overread_app.components.sample_card import kind_words
from overread_app.components.scorer_votes import vote
from tests.app.conftest import open_page, page_text
from tests.app.made_study import RUN


def test_each_kind_of_proposal_has_its_words():
    probs = {"a": 0.1, "<b>": 0.5, "c": 0.4}
    assert kind_words("relabel", probs=probs, same_labels=[]) == "Another class fits this image better"
    assert kind_words("ambiguous", probs=probs, same_labels=[]) == "Two classes fit: <b> and c"
    assert kind_words("outlier", probs=probs, same_labels=[]) == "Looks unlike every class in this study"
    words = kind_words("duplicate", probs=probs, same_labels=["c", "<b>", "c"])
    assert words == "An almost identical image is labelled c or <b>"
    assert kind_words("", probs=probs, same_labels=[]) == ""


@pytest.mark.parametrize(("score", "said"), [(0.0, "fits"), (0.33, "fits"), (0.5, "unsure"), (0.67, "doubts")])
def test_a_score_is_said_in_a_word(score, said):
    assert vote(score) == said


def test_the_page_says_which_views_doubt_the_label_and_not_in_numbers(app, made_study):
    change_scores(made_study, score_rounds=0.9, score_cross_validated=0.2, score_duplicates=0.0)
    open_page(app, "review", reader="Mira")
    text = page_text(app)
    assert "1 of 2 disagree" in text
    assert "<span>Training rounds</span><b>disagrees</b>" in text
    assert "<span>The image itself</span><b>agrees</b>" in text
    assert "Duplicate images" not in text  # its labels agree, which says nothing


def test_an_almost_identical_image_of_another_label_comes_first_and_is_named(app, made_study, monkeypatch):
    seen = []
    monkeypatch.setattr(evidence_panel, "thumbnails", lambda path, ids: seen.append(ids) or ("data:,",) * len(ids))
    scores = change_scores(made_study, kind="duplicate", score_duplicates=0.5)
    first = scores[scores["is_proposed"]].sort_values("label_error_probability").index[-1]
    given = scores["given_label"]
    same, other = (
        given.index[(given == given[first]) & (given.index != first)][0],
        given.index[given != given[first]][0],
    )
    arrays = dict(np.load(made_study.runs_path / RUN / "evidence.npz"))
    arrays["pictures"][[first, same, other]] = 3
    np.savez(made_study.runs_path / RUN / "evidence.npz", **arrays)
    open_page(app, "review", reader="Mira")
    assert list(seen[0][:2]) == scores["sample_id"][[other, same]].tolist()
    assert len(seen[0]) == 6
    text = page_text(app)
    assert f"An almost identical image is labelled {given[other]}<" in text
    assert "<span>Duplicate images</span><b>undecided</b>" in text


def test_a_run_without_kinds_and_evidence_is_shown_without_them(app, made_study):
    path = made_study.runs_path / RUN
    (path / "evidence.npz").unlink()
    pd.read_csv(path / "scores.csv").drop(columns="kind").to_csv(path / "scores.csv", index=False)
    open_page(app, "review", reader="Mira")
    assert not app.exception
    assert "The readings differ" in page_text(app)
    assert "Most similar images" not in page_text(app)


def change_scores(study, **columns):
    """Set columns of scores.csv; returns it."""
    path = study.runs_path / RUN / "scores.csv"
    pd.read_csv(path).assign(**columns).to_csv(path, index=False)
    return pd.read_csv(path)
