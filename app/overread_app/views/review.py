"""Review: the reader sees a proposal with its evidence beside the image and gives a verdict (the open protocol)."""

from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import streamlit as st

from overread.errors import ImageError, LedgerBusyError, StaleVerdictError
from overread.images.location import Location
from overread.records import Decision, Proposal, Verdict, VerdictKind
from overread.review.queue import likely_labels, progress
from overread.studies.run import Run, running_training
from overread.studies.study import Study
from overread_app import session
from overread_app.boundary import error_boundary, error_text, plain_text
from overread_app.components.evidence_panel import show_probabilities, show_similar, show_trace
from overread_app.components.heat_map_panel import show_where
from overread_app.components.reader_name import ask_reader, is_asking, remember_reader, show_code
from overread_app.components.sample_card import kind_words, show_progress, show_readings, show_tally
from overread_app.components.scorer_votes import show_votes
from overread_app.components.threshold_slider import corrected, show_sureness
from overread_app.reading_list import ReadingList
from overread_app.viewer.viewer import encoded_picture, prefetch_pictures, show_picture
from overread_app.visit import Visit, current_visit, end_visit, takes_press

STYLE = Path(__file__).parents[1] / "components" / "review.css"
NUM_KEYS = 9
NUM_SIMILAR = 6
MAX_SAME = 2
"""Of them, images that show the same picture."""
AWAIT_S = 3
RETRY_S = 1.5
"""How long a verdict that a busy ledger did not take waits until it is sent again."""
MAX_NOTE_LENGTH = 500
PLAIN_VERDICTS = (
    (VerdictKind.AMBIGUOUS, "Ambiguous", "M", "The image does not settle it. The given label stays."),
    (
        VerdictKind.CANNOT_JUDGE,
        "Cannot judge",
        "N",
        "Not for this reader, or not from this image. The given label stays.",
    ),
    (VerdictKind.EXCLUDE, "Exclude", "E", "The image should not be in the dataset. Its label becomes empty."),
)
SPOKEN = {
    VerdictKind.ACCEPT: "Changed",
    VerdictKind.REJECT: "Kept",
    VerdictKind.RELABEL: "Another class",
    VerdictKind.AMBIGUOUS: "Ambiguous",
    VerdictKind.EXCLUDE: "Excluded",
    VerdictKind.CANNOT_JUDGE: "Cannot judge",
}


def show() -> None:
    st.html(STYLE)
    study, run = session.current_study(), session.current_run()
    if study is None:
        show_absence("There is no study yet.", "Make one from a folder of images.", "studies", "Studies")
    elif run is None:
        show_untrained(study)
    elif is_asking():
        ask_reader(study)
    else:
        show_next_sample(study, run, session.reader_name())


def show_next_sample(study: Study, run: Run, reader: str) -> None:
    """The first proposal that this reader has not decided, or the end."""
    decisions = session.ledger(study).decisions(reader)
    scores = session.load_scores(study, run)
    decided = {decision.verdict.sample_id for decision in decisions}
    scores["proposed_label"] = likely_labels(scores)  # also of what is not proposed
    reading = ReadingList(reader, study.ledger_study, run.name)
    order = reading.order(scores, decided)
    if not order:
        show_end(study, run, reading, scores, decisions)
        show_unseen([])
        return
    samples = session.load_samples(study)
    sample = samples[samples["sample_id"] == order[0]].iloc[0]
    reading.hold(order[0])
    # The run's rows, and not the study's: a study may have grown since.
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
    with right, st.container(gap="xsmall"):
        show_code()
        with st.container(horizontal=True, vertical_alignment="center", key="review_progress"):
            show_progress(*progress(scores, decided, reading.min_probability))
            probability, num_verdicts = corrected(scores, decisions, run=run)
            with st.popover("Fewer or more", key="review_more", type="tertiary"):
                show_sureness(reading, scores, decisions, probability=probability, num_verdicts=num_verdicts)
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
        show_where(study, run, order, visit)
    # Last, when all that the reader waits for is on its way.
    following = samples[samples["sample_id"].isin(order[1:2])]
    show_unseen([study.image_location(image) for image in following["image"]])


def show_image(study: Study, sample: pd.Series, visit: Visit) -> None:
    try:
        picture = encoded_picture(study.image_location(sample["image"]))
    except ImageError as error:
        st.html('<div class="no-image"><p>This image cannot be shown.</p><p></p></div>')
        st.caption(f"Reason: {plain_text(str(error))}. Without the image, “Cannot judge” is the honest verdict.")
    else:
        show_picture(picture, visit=visit.visit_id, key="review_viewer")


def show_unseen(following: list[Location]) -> None:
    """What works behind the page: the tab remembers the reader, and what is next is already loaded."""
    pictures = []
    for location in following:
        with suppress(ImageError):  # the page says so when it is that sample's turn
            pictures.append(encoded_picture(location))
    with st.container(key="review_unseen"):
        remember_reader()
        prefetch_pictures(pictures, key="review_next")


def show_verdicts(study: Study, proposal: Proposal, visit: Visit) -> None:
    """A button for each verdict, its key on it. They carry the visit: pressed after its end, they do nothing."""
    given, proposed = proposal.given_label, proposal.proposed_label
    show_button = partial(show_verdict_button, study, proposal, visit)
    with st.container(key="review_verdicts", gap="xsmall"):
        accept, reject = st.columns(2, gap="xsmall")
        with accept:
            show_button(VerdictKind.ACCEPT, proposed, f"Change to {plain_text(proposed)}", "A")
        with reject:
            show_button(VerdictKind.REJECT, given, f"Keep {plain_text(given)}", "X")
        third = [(number, name) for number, name in enumerate(study.classes, 1) if name not in (given, proposed)]
        if third:
            with st.container(horizontal=True, gap="xsmall", key="review_verdicts_third"):
                st.html('<span class="row-title">Another class</span>', width="content")
                for number, name in third:
                    if number <= NUM_KEYS:  # the class's own number: the same key for it on every sample
                        show_button(VerdictKind.RELABEL, name, plain_text(name), str(number))
                show_more_classes(study, proposal, visit, [name for number, name in third if number > NUM_KEYS])
        with st.container(horizontal=True, gap="xsmall", key="review_verdicts_plain"):
            for kind, text, shortcut, help_text in PLAIN_VERDICTS:
                show_button(kind, "" if kind is VerdictKind.EXCLUDE else given, text, shortcut, help=help_text)
    taken_back, note = session.kept("review_note", ("", ""))
    st.text_input(
        "Note",
        note if taken_back == visit.sample_id else "",
        key=visit.note_key,
        placeholder="Note, kept with the verdict; Enter when done",
        label_visibility="collapsed",
        max_chars=MAX_NOTE_LENGTH,
    )


def show_verdict_button(
    study: Study, proposal: Proposal, visit: Visit, kind: VerdictKind, chosen: str, text: str, shortcut: str, **options
) -> None:
    st.button(
        text,
        key=f"review_verdict_{kind}_{shortcut}_{visit.visit_id}",
        shortcut=shortcut,
        width="stretch",
        on_click=decide,
        args=(study, proposal, visit, kind, chosen),
        **options,
    )


def show_more_classes(study: Study, proposal: Proposal, visit: Visit, names: list[str]) -> None:
    """Classes beyond the number keys, in a list."""
    if names:
        key = f"review_verdict_more_{visit.visit_id}"
        st.selectbox(
            "More classes",
            names,
            index=None,
            placeholder="More classes",
            label_visibility="collapsed",
            key=key,
            on_change=lambda: decide(study, proposal, visit, VerdictKind.RELABEL, session.typed(key) or ""),
        )


def decide(study: Study, proposal: Proposal, visit: Visit, kind: VerdictKind, chosen: str) -> None:
    """Record a verdict on the visit's sample and step on from it; nothing if the visit is over or has just begun."""
    if not takes_press(visit):
        return
    verdict = Verdict(
        sample_id=visit.sample_id,
        reader=visit.reader,
        kind=kind,
        given_label=proposal.given_label,
        proposed_label=proposal.proposed_label,
        chosen_label=chosen,
        run=visit.run,
        score=proposal.label_error_probability,
        idempotency_key=visit.idempotency_key,
        note=(session.typed(visit.note_key) or "").strip(),
        elapsed_ms=visit.elapsed_ms,
        image_sha256=visit.image_sha256,
    )
    attempt(lambda: session.ledger(study).record(verdict), pending=verdict)


def undo(study: Study, reader: str, last: Decision, visit: Visit | None) -> None:
    """Take back the last verdict: its sample comes up again. A second press takes no second verdict back."""
    if visit is not None and not takes_press(visit):
        return
    shown_key = last.verdict.idempotency_key

    def take_back() -> None:
        # Named for what it undoes: the same press twice is the same undo.
        if session.ledger(study).undo(reader, f"undo {shown_key}", shown_key=shown_key) is None:
            raise StaleVerdictError("another verdict followed in another window; nothing was taken back")
        ReadingList(reader, study.ledger_study, session.current_run().name).hold(last.verdict.sample_id)
        session.keep("review_note", (last.verdict.sample_id, last.verdict.note))

    attempt(take_back)


def attempt(write: Callable[[], object], *, pending: Verdict | None = None) -> None:
    """Write to the ledger and end the visit; the sample stays, with a word why, if it could not be written.

    pending: what is sent again, once, where the ledger is busy.
    """
    for name in ("review_problem", "review_pending", "review_stale"):
        session.keep(name, None)
    try:
        write()
    except LedgerBusyError as error:
        session.keep("review_problem", None if pending else error_text(error))
        session.keep("review_pending", pending)
    except StaleVerdictError as error:
        # What was decided elsewhere stands in the ledger, and is what the page goes on from.
        session.keep("review_stale", error_text(error))
        end_visit()
    except Exception as error:  # a callback: no boundary is around it
        session.keep("review_problem", error_text(error))
    else:
        end_visit()


@st.fragment(run_every=RETRY_S)
def send_again(study: Study) -> None:
    """The verdict that a busy ledger did not take: sent once more, and then either saved or said not to be."""
    with error_boundary():
        pending = session.kept("review_pending")
        if pending is None:
            return
        st.warning("Not saved yet: the ledger is in use. Trying again…", icon=":material/hourglass_top:")
        if session.kept("review_pending_shown") != pending.idempotency_key:
            session.keep("review_pending_shown", pending.idempotency_key)
            return
        attempt(lambda: session.ledger(study).record(pending))
        session.keep("review_pending_shown", None)
        st.rerun()


def show_last(study: Study, last: Decision | None, visit: Visit | None) -> None:
    """What the ledger holds as this reader's last verdict, and the way back."""
    if problem := session.kept("review_problem"):
        st.warning(f"Not saved. {plain_text(problem)} Press the verdict again.", icon=":material/info:")
    if stale := session.kept("review_stale"):
        st.info(plain_text(stale[:1].upper() + stale[1:]), icon=":material/info:")
    if session.kept("review_pending") is not None:
        send_again(study)
    with st.container(horizontal=True, vertical_alignment="center", key="review_last"):
        st.markdown(f"Saved: {spoken(last)}" if last else "Nothing saved yet")
        identity = last.verdict.idempotency_key[:16] if last else "none"
        st.button(
            "Undo",
            key=f"review_verdict_undo_{identity}_{visit.visit_id if visit else 'end'}",
            shortcut="U",
            disabled=last is None,
            type="tertiary",
            on_click=undo,
            args=(study, last.verdict.reader, last, visit) if last else None,
        )


def spoken(decision: Decision) -> str:
    verdict = decision.verdict
    match verdict.kind:
        case VerdictKind.ACCEPT | VerdictKind.RELABEL:
            return f"{plain_text(verdict.given_label)} → {plain_text(verdict.chosen_label)}"
        case VerdictKind.REJECT:
            return f"{plain_text(verdict.given_label)}, kept"
        case kind:
            return f"{plain_text(verdict.given_label)}, {SPOKEN[kind].lower()}"


def kind_of(study: Study, run: Run, scores: pd.DataFrame, index: int) -> str:
    """What the proposal is, in words. Runs made before there were kinds have none."""
    score = scores.iloc[index]
    same = same_picture(study, run, scores, index)
    return kind_words(
        score.get("kind", ""),
        probs={name: float(score[f"p_{name}"]) for name in study.classes},
        same_labels=scores["given_label"].iloc[same].loc[lambda labels: labels != score["given_label"]].tolist(),
    )


def same_picture(study: Study, run: Run, scores: pd.DataFrame, index: int) -> np.ndarray:
    """The rows of other samples that show the sample's picture, those of another given label first."""
    pictures = session.load_evidence(study, run).get("pictures")
    if pictures is None or pictures[index] < 0:
        return np.empty(0, dtype=np.int64)
    rows = np.flatnonzero(pictures == pictures[index])
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
        evidence = session.load_evidence(study, run)
        if evidence:
            same = same_picture(study, run, scores, index)[:MAX_SAME]
            others = evidence["neighbours"][index]
            shown = scores.iloc[np.concatenate([same, others[others >= 0]])[:NUM_SIMILAR]]
            show_similar(
                study.pixels_path,
                shown["sample_id"].tolist(),
                shown["given_label"].tolist(),
                study.classes,
                num_same=len(same),
            )
        trace = session.load_trace(study, run)
        show_trace(
            trace["stage_probs"][:, index], trace["stage_names"].tolist(), study.classes, **labels, key="review_trace"
        )


def scorer_names(scores: pd.DataFrame) -> list[str]:
    return [column.removeprefix("score_") for column in scores.columns if column.startswith("score_")]


def show_end(study: Study, run: Run, reading: ReadingList, scores: pd.DataFrame, decisions: list[Decision]) -> None:
    """Everything that was asked for is read: what was decided, and where to go."""
    with st.container(key="review_end"):
        is_own = reading.min_probability is None
        st.subheader("All proposals are read." if is_own else "All that you chose is read.")
        if decisions:
            st.markdown("Each verdict is saved. The cleaned table holds them, with the evidence they rest on.")
            tally = Counter(SPOKEN[decision.verdict.kind] for decision in decisions)
            show_tally({name: tally[name] for name in SPOKEN.values() if tally[name]})
        else:
            st.markdown("The model found no label that is probably wrong.")
        st.page_link("views/export.py", label="Export the cleaned table", icon=":material/ios_share:")
        probability, num_verdicts = corrected(scores, decisions, run=run)
        show_sureness(reading, scores, decisions, probability=probability, num_verdicts=num_verdicts)
        show_last(study, decisions[-1] if decisions else None, None)


def show_untrained(study: Study) -> None:
    """There is nothing to read before a training has ended; one under way opens the page when it does."""
    if running_training(study) is None:
        show_absence("Nothing to read yet.", "The study has no finished training.", "train", "Train")
    else:
        show_absence(
            "The training is under way.",
            "The first sample comes up here when it is done.",
            "train",
            "See how far it is",
        )
        await_run()


@st.fragment(run_every=AWAIT_S)
def await_run() -> None:
    if session.current_run() is not None:
        st.rerun()


def show_absence(title: str, text: str, page: str, label: str) -> None:
    with st.container(key="review_end"):
        st.subheader(title)
        st.markdown(text)
        st.page_link(f"views/{page}.py", label=label, icon=":material/arrow_forward:")


show()
