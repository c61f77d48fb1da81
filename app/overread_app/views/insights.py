"""The Insights page: a run's proposals over the whole study, and the progress of this session's reader."""

from collections import Counter

import numpy as np
import pandas as pd
import streamlit as st

from overread.config import calibration_settings
from overread.detection.proposal_set import expectation, recall_band, trade_off
from overread.detection.reliability import held_out_recalibrated, reliability
from overread.review.outcomes import outcomes
from overread.studies.run import Run
from overread.studies.study import Study
from overread_app import audit_data, session, study_data
from overread_app.boundary import plain_text
from overread_app.components import calibration_charts, chart_choice, charts
from overread_app.components.anchoring_panel import show_anchoring
from overread_app.components.audit_panel import show_audit
from overread_app.components.class_use_panel import show_class_use
from overread_app.components.grades_panel import show_grades
from overread_app.components.groups_panel import show_groups
from overread_app.components.label_matrix import label_matrix
from overread_app.components.promise_text import promise_text
from overread_app.components.readers_panel import show_readers
from overread_app.components.wording import VERDICT_WORDS, counted, run_title

HIGH_PROBABILITY = 0.8
DRAGS = {"lasso": "Lasso", "select": "Box"}
"""What a drag on the map selects with, as Plotly names it, in words."""


def show_page() -> None:
    st.title("Insights")
    study, run = session.current_study(), session.current_run()
    if study is None:
        st.info("There is no study yet. Create one on the Studies page.", icon=":material/info:")
        return
    if run is None:
        st.info("There is no finished run yet. Start one on the Train page.", icon=":material/info:")
        if session.may_see_others() and audit_data.load_audit_now(study) is not None:
            show_verdicts(study)
        show_readers(study)
        return
    st.caption(f"{plain_text(study.name)} · {run_title(run)}")
    scores = study_data.load_scores(run)
    show_numbers(study, scores)
    st.markdown(promise_text(study, run))
    left, right = st.columns([3, 2] if charts.has_long_names(study.classes) else 2, gap="large")
    with left:
        show_matrix(study, run, scores)
    with right:
        show_histogram(study, run, scores)
    show_groups(study, run, scores)
    show_class_use(study)
    left, right = st.columns(2, gap="large")
    with left:
        show_own_progress(study, scores)
    with right:
        show_consensus(study, run, scores)
    left, right = st.columns(2, gap="large")
    with left:
        show_reliability(study, run, scores)
    with right:
        show_trade_off(run, scores)
    if session.may_see_others():
        show_verdicts(study)
    show_readers(study)
    show_anchoring(study)
    show_grades(study)
    show_map(study, run, scores)


def show_numbers(study: Study, scores: pd.DataFrame) -> None:
    num_proposed = int(scores["is_proposed"].sum())
    columns = st.columns(3)
    columns[0].metric("Images", f"{len(scores):,}")
    share = 100 * num_proposed / max(1, len(scores))
    columns[1].metric(
        "Proposals", f"{num_proposed:,}", f"{share:.0f} % of the images", delta_color="off", delta_arrow="off"
    )
    agreement = test_agreement(study, scores)
    if agreement is not None:
        columns[2].metric(
            "Agreement on the test split",
            f"{100 * agreement:.1f} %",
            help="Share of the test images whose predicted class is the given label. The model was not trained on "
            "them; their given labels may be wrong too.",
        )


def test_agreement(study: Study, scores: pd.DataFrame) -> float | None:
    """Share of the test samples whose most probable class is the given label; None if there are none."""
    is_test = (study_data.load_samples(study)["split"] == "test").to_numpy()
    if not is_test.any():
        return None
    probs = scores[[f"p_{name}" for name in study.classes]].to_numpy()[is_test]
    predicted = np.array(study.classes)[probs.argmax(axis=1)]
    return float((predicted == scores["given_label"].to_numpy()[is_test]).mean())


def show_matrix(study: Study, run: Run, scores: pd.DataFrame) -> None:
    """A matrix of the given labels and the labels if all proposals were accepted; a click on a cell leads to its
    images."""
    st.header("Given and proposed labels")
    after = scores["proposed_label"].where(scores["is_proposed"], scores["given_label"])
    matrix = label_counts(study, scores["given_label"], after)
    selection = charts.show_selectable(
        label_matrix(matrix, study.classes), key="insights_matrix", alt="Matrix of given and proposed labels"
    )
    st.caption("Off the diagonal: proposals, shaded by their share of the given class. Click a cell to see its images.")
    cell = chart_choice.matrix_cell(selection, len(study.classes))
    if cell is None:
        return
    given, proposed = (study.classes[place] for place in cell)
    if given != proposed:
        chart_choice.show_pair_links(study, run, given, proposed, int(matrix[cell]))
        return
    rows = np.flatnonzero((scores["given_label"] == given).to_numpy() & ~scores["is_proposed"].to_numpy())
    text = f"{plain_text(given)}, not proposed"
    chart_choice.show_row_links(study, run, scores, rows, name="matrix", text=text)


def label_counts(study: Study, given: pd.Series, other: pd.Series) -> np.ndarray:
    """(K, K) int64: how often each pair of labels occurs, the given ones in rows; empty ones are not counted."""
    code = {name: index for index, name in enumerate(study.classes)}
    known = other != ""
    matrix = np.zeros((len(code), len(code)), dtype=np.int64)
    np.add.at(matrix, (given[known].map(code).to_numpy(), other[known].map(code).to_numpy()), 1)
    return matrix


def show_histogram(study: Study, run: Run, scores: pd.DataFrame) -> None:
    st.header("Label error probability")
    probability, is_proposed = scores["label_error_probability"].to_numpy(), scores["is_proposed"].to_numpy()
    selection = charts.show_selectable(
        charts.score_histogram(probability, is_proposed),
        key="insights_scores",
        alt="Histogram of the probability that a given label is wrong",
    )
    number = chart_choice.histogram_bin(selection)
    if number is None:
        st.caption("Click a bar to see its images.")
        return
    rows = chart_choice.bin_rows(probability, charts.SCORE_EDGES, number)
    low, high = charts.SCORE_EDGES[[number, number + 1]]
    chart_choice.show_row_links(study, run, scores, rows, name="scores", text=f"{low:.2f} to {high:.2f}")


def show_own_progress(study: Study, scores: pd.DataFrame) -> None:
    """The reader's own verdicts; nobody else's."""
    st.header("Your review")
    reader = session.reader_name()
    if not reader:
        st.caption("Enter your name on the Review page to see your progress here.")
        return
    decisions = session.ledger(study).decisions(reader)
    proposed = set(scores.loc[scores["is_proposed"], "sample_id"])
    num_read = len(proposed & {decision.verdict.sample_id for decision in decisions})
    st.progress(
        num_read / len(proposed) if proposed else 0.0,
        text=f"{num_read:,} of {counted(len(proposed), 'proposal')} reviewed",
    )
    if decisions:
        counts = Counter(VERDICT_WORDS[decision.verdict.kind] for decision in decisions)
        charts.show_chart(
            charts.verdict_bars(dict(counts.most_common())), key="insights_verdicts", alt="Bar chart of your verdicts"
        )


def show_consensus(study: Study, run: Run, scores: pd.DataFrame) -> None:
    """The given labels beside the consensus of models that never saw them; of a run whose rounds come to one, the
    images with a consensus in each round, and those that were trained on another label."""
    if "consensus" in scores:
        show_consensus_matrix(study, scores)
        return
    events = run.events()
    if sum(event["event"] == "round" for event in events) < 2:  # one round alone agrees with itself
        return
    st.header("Consensus by round")
    charts.show_chart(charts.consensus_by_round(events), key="insights_rounds", alt="Bar chart of consensus by round")


def show_consensus_matrix(study: Study, scores: pd.DataFrame) -> None:
    st.header("Given labels and consensus")
    has_one = scores["consensus"] != ""
    if not has_one.any():
        st.caption("The models do not all agree on any image.")
        return
    charts.show_chart(
        label_matrix(
            label_counts(study, scores["given_label"], scores["consensus"]),
            study.classes,
            other="consensus",
            title="class that all models are sure of",
        ),
        key="insights_consensus",
        alt="Matrix of given labels and consensus",
    )
    voters = scores.loc[has_one, "consensus_of"].iloc[0]
    num_other = int((scores["consensus"] != scores["given_label"])[has_one].sum())
    st.caption(
        f"Consensus of {voters}, which never saw the image's own label: {int(has_one.sum()):,} of {len(scores):,} "
        f"images. On {num_other:,} it differs from the given label."
    )


def show_reliability(study: Study, run: Run, scores: pd.DataFrame) -> None:
    """The calibration of the run's probabilities by the reader's own verdicts, before and after correction."""
    st.header("Calibration")
    reader = session.reader_name()
    decisions = session.ledger(study).decisions(reader) if reader else []
    places, is_error = outcomes(scores, decisions, run=run.name)
    num, settings = len(is_error), calibration_settings(run.config())
    if num < settings.min_verdicts:
        st.caption(
            "Compares the run's probabilities with your verdicts. This needs "
            f"{settings.min_verdicts} verdicts on this run; you have given {num or 'none'} so far."
        )
        return
    probability = scores["label_error_probability"].to_numpy()[places]
    before = reliability(probability, is_error, settings)
    after = reliability(held_out_recalibrated(probability, is_error, settings), is_error, settings)
    charts.show_chart(
        calibration_charts.reliability_diagram(
            {"uncorrected": before.curve, "corrected by your verdicts": after.curve}
        ),
        key="insights_reliability",
        alt="Diagram of predicted probabilities against the share of labels that you found wrong",
    )
    num_high = int((probability >= HIGH_PROBABILITY).sum())
    fewest, most = before.curve.num_samples.min(), before.curve.num_samples.max()
    st.markdown(
        f"Expected calibration error over your {num:,} verdicts: **{before.calibration_error:.2f}** uncorrected, "
        f"**{after.calibration_error:.2f}** corrected. Perfectly calibrated probabilities would score about "
        f"{before.chance_error:.2f} by chance."
    )
    st.caption(
        f"Each point is {fewest:,}{f' to {most:,}' if most > fewest else ''} verdicts, with a 95 % interval. A label "
        f"counts as wrong if you changed it, and as right if you kept it. {num_high:,} of the {num:,} verdicts are at "
        f"a probability of {HIGH_PROBABILITY} or more: where there are few verdicts, the curve is uncertain. You saw "
        "the proposal when you decided. Each probability is corrected using only the other verdicts."
    )


def show_trade_off(run: Run, scores: pd.DataFrame) -> None:
    """The expected yield of reviewing fewer or more images than proposed."""
    st.header("Expected yield by number of images reviewed")
    probability = scores["label_error_probability"].to_numpy()
    own = expectation(probability, scores["is_proposed"].to_numpy())
    error_range = study_data.load_error_range(run)
    charts.show_chart(
        calibration_charts.trade_off_curve(trade_off(probability), own, recall_band(probability, error_range)),
        key="insights_trade_off",
        alt="Line chart of the share of wrong labels found, by the number of images reviewed",
    )
    belief = "shaded: the range it allows" if error_range else "this run has no range for it"
    st.caption(
        f"The model's own estimate; {belief}. Each reader sets a threshold on the Review page; the exported proposals "
        "do not depend on it."
    )


def show_verdicts(study: Study) -> None:
    """What the open audit proves; or where one is opened."""
    st.header("What the verdicts prove")
    now = audit_data.load_audit_now(study)
    if now is None:
        st.caption("No audit is open: a random sample, whose verdicts prove how many labels are still wrong at most.")
    else:
        show_audit(study, now, page="insights")
    if session.may_manage():
        st.page_link("views/audit.py", label="Go to the audit", icon=":material/arrow_forward:")


def show_map(study: Study, run: Run, scores: pd.DataFrame) -> None:
    st.header("Embedding map")
    st.caption(
        "Each point is an image; images close together look alike to the model. The colour is the given label, and a "
        "ring marks a proposal. Drag around some of them to see their images."
    )
    drag = st.segmented_control(
        "Select with", list(DRAGS), default="lasso", format_func=DRAGS.__getitem__, key="insights_map_drag"
    )
    labels = scores["given_label"].to_numpy(dtype=object)
    figure = charts.embedding_map(
        study_data.load_map(run), labels.tolist(), scores["is_proposed"].to_numpy(), study.classes, drag=drag or "lasso"
    )
    selection = charts.show_selectable(
        figure,
        key="insights_map",
        alt="Scatter plot of the images' embeddings in two dimensions",
        modes=("box", "lasso"),
    )
    if selection["points"]:
        rows = chart_choice.map_rows(selection, labels, study.classes)
        chart_choice.show_row_links(study, run, scores, rows, name="map", text="Selected on the map")


show_page()
