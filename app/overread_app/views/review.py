"""The Review page: the reading component, and beneath it what is slow to make for a sample."""

from collections import Counter
from pathlib import Path

import streamlit as st

from overread.records import Protocol
from overread.review.assignment import current_assignment
from overread.review.queue_choice import QueueChoice
from overread.studies.run import Run, running_training
from overread.studies.study import Study
from overread_app import session, study_data
from overread_app.boundary import error_boundary
from overread_app.components.audit_line import show_audit_line
from overread_app.components.charts import theme_colours
from overread_app.components.evidence_panel import show_trace
from overread_app.components.heat_map_panel import NUM_LOOKED_AHEAD, show_saliency
from overread_app.components.queue_fields import current_jump, show_jump, show_queue_fields
from overread_app.components.reader_name import ask_reader, is_asking, remember_reader, show_code
from overread_app.components.sample_card import show_tally
from overread_app.components.threshold_slider import show_threshold
from overread_app.components.verdict_words import verdict_names
from overread_app.reading.component import END, show_component
from overread_app.reading.open_rooms import open_room
from overread_app.reading.page_data import component_data
from overread_app.reading.reader_state import ReaderState, reader_state
from overread_app.reading_list import ReadingList
from overread_app.theme import current_theme

STYLE = Path(__file__).parents[1] / "components" / "review.css"
AWAIT_S = 3


def show() -> None:
    st.html(STYLE)
    study, run = session.current_study(), session.current_run()
    if study is None:
        show_empty_state("review.no_study", "studies", "review.to_studies")
    elif run is None and not is_read_without_model(study):
        show_untrained(study)
    elif is_asking():
        ask_reader(study)
    else:
        is_blind = study.protocol == Protocol.BLIND
        name = run.name if run else ""
        show_page(study, run, ReadingList(session.reader_name(), study.ledger_study, name, is_blind))


def show_page(study: Study, run: Run | None, reading: ReadingList) -> None:
    """The page's parts. Each has a place of its own that is always there, so that none loses its state. run: None: the
    samples are read without a model."""
    words = session.words()
    if reading.is_asked:
        reading.take_asked(since=own_state(study, reading).current().num_given)
    with st.container(key="review_top"):
        show_code()
    with st.container(key="review_page", gap=None):
        with st.popover(words("queue.open"), key="review_more", type="tertiary", on_change="rerun") as popover:
            if popover.open and session.get("resting") != END:  # at the end it stands beneath
                show_queue(study, run, reading)
        show_reading(study, run, reading)
    if run is not None:
        with st.container(key="review_refined"):
            show_refinement(study, run)
    if study_data.load_decoding_note(study):
        st.caption(words("review.decoded_earlier"))
    with st.container(key="review_unseen"):
        remember_reader()


@st.fragment
def show_reading(study: Study, run: Run | None, reading: ReadingList) -> None:
    """The component, and what belongs to the sample that the reader rests on; it hides what belongs to another one."""
    with error_boundary(session.words()):
        choice, since = reading.choice, reading.since
        data = component_data(study, run, reading.reader, choice=choice, since=since, jump=current_jump())
        told = show_component(data)
        if told.replaced == data["ticket"]:  # the study itself was updated, not the scores alone
            st.rerun()
        if told.resting is not None:
            session.put("resting", told.resting)
        show_audit_line(open_room(study, run), own_state(study, reading))
        resting = session.get("resting")
        if resting is None:
            return
        with st.container(key=f"review_rest_{resting}"):
            if resting == END:
                show_end(study, run, reading)
            elif run is not None:
                show_slow_evidence(study, run, reading, resting)


def show_refinement(study: Study, run: Run) -> None:
    """That the proposals are still to be refined; and, to who has seen the first ones, by how much they then were."""
    if is_refining(study, run):
        session.put("seen_first", run.name)
        await_refinement(study, run)
    elif session.get("seen_first") == run.name and (counts := run.refinement()):
        words = session.words()
        st.caption(words("review.refined", more=counts["num_more"], fewer=counts["num_fewer"]))


def is_refining(study: Study, run: Run) -> bool:
    """Whether the training that judged the labels a first time goes on, and may judge them again."""
    training = running_training(study) if run.is_pending else None
    return training is not None and training["run"] == run.name


@st.fragment(run_every=AWAIT_S)
def await_refinement(study: Study, run: Run) -> None:
    words = session.words()
    with error_boundary(words):
        if not is_refining(study, run):
            st.rerun()
        st.caption(words("review.refining"))


def show_slow_evidence(study: Study, run: Run, reading: ReadingList, sample_id: str) -> None:
    """The sample's course during training, and saliency maps on request."""
    room = open_room(study, run)
    row = room.rows.get(sample_id)
    if row is None or (reading.is_blind and sample_id not in own_state(study, reading).current().revealed):
        return
    trace = study_data.load_trace(run)
    left, right = st.columns(2, gap="large")
    with left:
        show_trace(
            trace["stage_probs"][:, row],
            trace["stage_names"].tolist(),
            room.classes,
            given=room.given[row],
            proposed=room.likely[row],
            colours=theme_colours(study.classes, current_theme()),
            words=session.words(),
        )
    with right:
        timed = own_state(study, reading).current().until(reading.since)
        order = room.order(reading.choice, timed=timed).sample_ids
        place = order.index(sample_id) if sample_id in order else len(order)
        show_saliency(study, run, [sample_id, *order[place + 1 :][:NUM_LOOKED_AHEAD]])


def show_queue(study: Study, run: Run | None, reading: ReadingList) -> None:
    """The choice of the queue, the threshold among it."""
    room = open_room(study, run)
    with st.container(gap="xsmall"):
        if run is not None and not reading.is_blind:
            show_threshold(study, run, reading)
        state = own_state(study, reading)
        show_queue_fields(reading, room, state)
        show_jump(reading, room, state)


def own_state(study: Study, reading: ReadingList) -> ReaderState:
    """What the reader has read and decided."""
    return reader_state(session.ledger(study), reading.reader)


def show_end(study: Study, run: Run | None, reading: ReadingList) -> None:
    """The end of the review: a summary of the decisions, and a link to the export."""
    words = session.words()
    with st.container(key="review_end"):
        is_own = run is not None and reading.choice == QueueChoice()
        ledger = session.ledger(study)
        if current_assignment(ledger) is not None:
            title, nothing = "review.share_reviewed", "review.share_later"
        elif is_own:
            title, nothing = "review.all_reviewed", "review.no_proposals"
        else:
            title, nothing = "review.queue_reviewed", "review.empty_queue"
        st.header(words(title))
        decisions = ledger.decisions(reading.reader)
        if decisions:
            st.markdown(words("review.all_saved"))
            tally = Counter(decision.verdict.kind for decision in decisions)
            names = verdict_names(words)
            show_tally({name: tally[kind] for kind, name in names.items() if tally[kind]}, words)
        else:
            st.markdown(words(nothing))
        if session.may_manage():
            st.page_link("views/export.py", label=words("review.export"), icon=":material/ios_share:")
        show_queue(study, run, reading)


def is_read_without_model(study: Study) -> bool:
    return session.get("read_without_model") == study.path


def show_untrained(study: Study) -> None:
    """There is nothing to review before a training has finished; the page waits for one that is running."""
    words = session.words()
    if running_training(study) is None:
        show_empty_state("review.untrained", "train", "review.to_train")
        with st.container(key="review_unread"):
            label = words("review.without_model")
            st.button(label, on_click=session.put, args=("read_without_model", study.path))
            st.caption(words("review.without_model_text"))
    else:
        show_empty_state("review.training", "train", "review.see_progress")
        await_run()


@st.fragment(run_every=AWAIT_S)
def await_run() -> None:
    if session.current_run() is not None:
        st.rerun()


def show_empty_state(title: str, page: str, link: str) -> None:
    """title, link: keys of the catalogue, which has a text for that title, too."""
    words = session.words()
    with st.container(key="review_end"):
        st.header(words(title))
        st.markdown(words(f"{title}_text"))
        if page != "train" or session.may_manage():
            st.page_link(f"views/{page}.py", label=words(link), icon=":material/arrow_forward:")


show()
