"""The Review page: shows a proposal with its evidence next to the image and takes a verdict (the open protocol)."""

from collections import Counter
from contextlib import suppress
from pathlib import Path

import numpy as np
import pandas as pd
import streamlit as st

from overread.errors import ImageError
from overread.images.location import Location
from overread.records import Decision, Proposal
from overread.review.queue import likely_labels, progress
from overread.studies.run import Run, running_training
from overread.studies.study import Study
from overread_app import session, study_data
from overread_app.boundary import plain_text
from overread_app.components.evidence_panel import show_probabilities, show_similar, show_trace
from overread_app.components.heat_map_panel import show_saliency
from overread_app.components.reader_name import ask_reader, is_asking, remember_reader, show_code
from overread_app.components.sample_card import kind_words, show_progress, show_readings, show_tally
from overread_app.components.scorer_votes import show_votes
from overread_app.components.threshold_slider import corrected_probabilities, show_threshold_slider
from overread_app.components.verdict_buttons import VERDICT_NAMES, show_last, show_verdicts
from overread_app.reading_list import ReadingList
from overread_app.viewer.viewer import encoded_image, prefetch_images, show_viewer
from overread_app.visit import Visit, current_visit

STYLE = Path(__file__).parents[1] / "components" / "review.css"
NUM_SIMILAR = 6
MAX_SAME = 2
"""Of them, near-duplicates of the sample."""
AWAIT_S = 3


def show() -> None:
    st.html(STYLE)
    study, run = session.current_study(), session.current_run()
    if study is None:
        show_empty_state("There is no study yet.", "Create one from a folder of images.", "studies", "Studies")
    elif run is None:
        show_untrained(study)
    elif is_asking():
        ask_reader(study)
    else:
        show_next_sample(study, run, session.reader_name())


def show_next_sample(study: Study, run: Run, reader: str) -> None:
    """The first sample that this reader has not decided, or the end of the review."""
    decisions = study_data.ledger(study).decisions(reader)
    scores = study_data.load_scores(run)
    decided = {decision.verdict.sample_id for decision in decisions}
    scores["proposed_label"] = likely_labels(scores)  # also of what is not proposed
    reading = ReadingList(reader, study.ledger_study, run.name)
    order = reading.order(scores, decided)
    if not order:
        show_end(study, run, reading, scores, decisions)
        prepare_next([])
        return
    samples = study_data.load_samples(study)
    sample = samples[samples["sample_id"] == order[0]].iloc[0]
    reading.hold(order[0])
    # The row in the run, not in the study, which may have grown since.
    index = int(np.flatnonzero(scores["sample_id"].to_numpy() == order[0])[0])
    proposal = Proposal(
        sample_id=order[0],
        given_label=scores["given_label"].iloc[index],
        proposed_label=scores["proposed_label"].iloc[index],
        label_error_probability=float(scores["label_error_probability"].iloc[index]),
        is_proposed=bool(scores["is_proposed"].iloc[index]),
    )
    visit = current_visit(reader, study.ledger_study, run.name, order[0], image_sha256=sample.get("sha256", ""))
    left, right = st.columns([1.58, 1], gap="medium")
    with left, st.container(key="review_image"):
        show_image(study, sample, visit)
        if note := study_data.load_decoding_note(study):
            st.caption(note)
    with right, st.container(gap="xsmall"):
        show_code()
        with st.container(horizontal=True, vertical_alignment="center", key="review_progress"):
            show_progress(*progress(scores, decided, reading.min_probability))
            probability, num_verdicts = corrected_probabilities(scores, decisions, run=run)
            with st.popover("Threshold", key="review_more", type="tertiary"):
                show_threshold_slider(reading, scores, decisions, probability=probability, num_verdicts=num_verdicts)
        show_readings(
            proposal,
            study.classes,
            probability=float(probability[index]),
            is_corrected=num_verdicts > 0,
            kind=kind_of(study, run, scores, index),
            is_demo=study.is_demo,
        )
        show_verdicts(study, proposal, visit)
        show_last(study, decisions[-1] if decisions else None, visit)
        show_evidence(study, run, scores, index)
        show_saliency(study, run, order, visit)
    # Last, when everything that the reader waits for has been sent.
    following = samples[samples["sample_id"].isin(order[1:2])]
    prepare_next([study.image_location(image) for image in following["image"]])


def show_image(study: Study, sample: pd.Series, visit: Visit) -> None:
    try:
        image = encoded_image(study.image_location(sample["image"]))
    except ImageError as error:
        st.html('<div class="no-image"><p>This image cannot be shown.</p><p></p></div>')
        st.caption(f"Reason: {plain_text(str(error))}. If you cannot judge without it, choose “Cannot judge”.")
    else:
        show_viewer(image, visit=visit.visit_id, key="review_viewer")


def prepare_next(following: list[Location]) -> None:
    """Invisible parts of the page: the tab remembers the reader, and the next images are loaded."""
    images = []
    for location in following:
        with suppress(ImageError):  # the page will say so when that sample is shown
            images.append(encoded_image(location))
    with st.container(key="review_unseen"):
        remember_reader()
        prefetch_images(images, key="review_next")


def kind_of(study: Study, run: Run, scores: pd.DataFrame, index: int) -> str:
    """The kind of the proposal in words; empty for a run of a version without kinds."""
    score = scores.iloc[index]
    same = duplicates_of(run, scores, index)
    return kind_words(
        score.get("kind", ""),
        probs={name: float(score[f"p_{name}"]) for name in study.classes},
        same_labels=scores["given_label"].iloc[same].loc[lambda labels: labels != score["given_label"]].tolist(),
    )


def duplicates_of(run: Run, scores: pd.DataFrame, index: int) -> np.ndarray:
    """The rows of the sample's duplicates, those with another given label first."""
    duplicate_groups = study_data.load_evidence(run).get("pictures")
    if duplicate_groups is None or duplicate_groups[index] < 0:
        return np.empty(0, dtype=np.int64)
    rows = np.flatnonzero(duplicate_groups == duplicate_groups[index])
    rows = rows[rows != index]
    is_like = scores["given_label"].to_numpy()[rows] == scores["given_label"].iloc[index]
    return rows[np.argsort(is_like, kind="stable")]


def show_evidence(study: Study, run: Run, scores: pd.DataFrame, index: int) -> None:
    """index: the sample's row in the run's files."""
    score = scores.iloc[index]
    labels = {"given": score["given_label"], "proposed": score["proposed_label"]}
    with st.container(key="review_evidence", gap="xsmall"):
        probs = score[[f"p_{name}" for name in study.classes]].to_numpy(dtype=float)
        show_probabilities(probs, study.classes, **labels, key="review_probabilities")
        show_votes({name: float(score[f"score_{name}"]) for name in scorer_names(scores)})
        evidence = study_data.load_evidence(run)
        if evidence:
            same = duplicates_of(run, scores, index)[:MAX_SAME]
            others = evidence["neighbours"][index]
            shown = scores.iloc[np.concatenate([same, others[others >= 0]])[:NUM_SIMILAR]]
            show_similar(
                study.pixels_path,
                shown["sample_id"].tolist(),
                shown["given_label"].tolist(),
                study.classes,
                num_same=len(same),
            )
        trace = study_data.load_trace(run)
        show_trace(
            trace["stage_probs"][:, index], trace["stage_names"].tolist(), study.classes, **labels, key="review_trace"
        )


def scorer_names(scores: pd.DataFrame) -> list[str]:
    return [column.removeprefix("score_") for column in scores.columns if column.startswith("score_")]


def show_end(study: Study, run: Run, reading: ReadingList, scores: pd.DataFrame, decisions: list[Decision]) -> None:
    """The end of the review: a summary of the decisions, and a link to the export."""
    with st.container(key="review_end"):
        is_own = reading.min_probability is None
        st.subheader(
            "You have reviewed all proposals." if is_own else "You have reviewed all images above the threshold."
        )
        if decisions:
            st.markdown("All your verdicts are saved. The cleaned table contains them with their evidence.")
            tally = Counter(VERDICT_NAMES[decision.verdict.kind] for decision in decisions)
            show_tally({name: tally[name] for name in VERDICT_NAMES.values() if tally[name]})
        else:
            st.markdown("The model found no likely label errors.")
        st.page_link("views/export.py", label="Export the cleaned table", icon=":material/ios_share:")
        probability, num_verdicts = corrected_probabilities(scores, decisions, run=run)
        show_threshold_slider(reading, scores, decisions, probability=probability, num_verdicts=num_verdicts)
        show_last(study, decisions[-1] if decisions else None, None)


def show_untrained(study: Study) -> None:
    """There is nothing to review before a training has finished; the page waits for one that is running."""
    if running_training(study) is None:
        show_empty_state("Nothing to review yet.", "This study has no finished training run.", "train", "Train")
    else:
        show_empty_state(
            "Training is in progress.",
            "The first sample appears here when it is done.",
            "train",
            "See progress",
        )
        await_run()


@st.fragment(run_every=AWAIT_S)
def await_run() -> None:
    if session.current_run() is not None:
        st.rerun()


def show_empty_state(title: str, text: str, page: str, label: str) -> None:
    with st.container(key="review_end"):
        st.subheader(title)
        st.markdown(text)
        st.page_link(f"views/{page}.py", label=label, icon=":material/arrow_forward:")


show()
