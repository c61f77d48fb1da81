"""The Studies page: all studies, a data report for the current one, and a form for a new one."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import streamlit as st

from overread.files import is_study
from overread.pipeline.configuring import configure
from overread.records import Finding
from overread.studies.run import Run, RunState, find_runs, running_training
from overread.studies.study import Study, open_study
from overread_app import processes, session, study_data
from overread_app.boundary import error_boundary, plain_text
from overread_app.components import charts
from overread_app.components.failure import attempt, num_failures, show_failure
from overread_app.components.finding_images import show_finding_images
from overread_app.components.grades_field import show_grades_field
from overread_app.components.preview_panel import show_outcome
from overread_app.components.protocol_field import show_protocol
from overread_app.components.source_field import own_uploads
from overread_app.components.study_form import show_study_form
from overread_app.components.wording import STATE_WORDS, counted, duration

CAPTION_COLUMNS = {"conflict": "given_label", "splits": "split"}
"""Columns for the captions of a finding's images, by the end of the finding's kind."""
WITH_IMAGES = ("blank", "inverted", "rotated", "resolution_outlier", "depth_outlier", "burned_in", "decoding_note")
"""Kinds of findings whose single images are shown."""
SEVERITIES = {
    "error": (":material/error:", "Fix these first: they make results misleading"),
    "warning": (":material/warning:", "Worth checking"),
    "info": (":material/info:", "For information"),
}
"""The heading for findings of each severity, the most severe first."""
DEMO_SENTENCE = "Its images are synthetic. They show no real patient."


def show_page() -> None:
    st.title("Studies")
    st.caption("A study is one dataset under audit: its images, their given labels, and the readers' decisions.")
    studies = session.studies()
    current = session.current_study()
    with st.container():  # so that a study that appears does not move the form's place, which would close it
        if session.shows_demo() and not processes.is_demo_complete():
            show_demo_progress()
        show_studies(studies, current)
    if not session.may_manage():
        session.require_studies()
        return
    sources = "an upload or a folder" if own_uploads() else "a folder or a CSV file"
    with st.expander(f"New study from {sources}", icon=":material/add:"):
        show_study_form()
    if outcome := session.get("import_outcome"):
        session.put("import_outcome", None)
        show_outcome(outcome)
    if current is not None:
        show_report(current)


def show_studies(studies: Sequence[Study], current: Study | None) -> None:
    """A card for each study, also for those that cannot be opened."""
    for start in range(0, len(studies), 2):
        for column, study in zip(st.columns(2), studies[start : start + 2], strict=False):
            with column, st.container(border=True, height="stretch"):
                st.header(plain_text(study.name), anchor=False)
                with error_boundary():  # a damaged one must not make the others fail
                    show_card(study, is_current=current is not None and study.path == current.path)
    for unreadable in session.unreadable_studies():
        with st.container(border=True):
            st.markdown(f"**{plain_text(unreadable.name)} cannot be opened.** The other studies are not affected.")
            st.caption(plain_text(unreadable.reason))


@st.fragment(run_every=1)
def show_demo_progress() -> None:
    """The demo's progress. Redraws the whole page when a study appears, or its training begins or ends."""
    with error_boundary():
        stage = [run_states(processes.DEMO_PATH / name) for name in processes.DEMO_NAMES]
        if stage != session.get("demo_stage"):
            is_first_look = session.get("demo_stage") is None
            session.put("demo_stage", stage)
            if not is_first_look:
                st.rerun()
        if not processes.is_demo_running():
            with st.container(border=True):
                st.markdown("**The demo is incomplete.** Building it was interrupted; the finished parts are kept.")
                if st.button("Continue building", key="studies_build_demo", type="primary"):
                    session.put("demo_process", processes.start_demo())
                    st.rerun(scope="fragment")
            return
        fraction, message, remaining_s = processes.demo_progress()
        left = f" · about {duration(remaining_s)} left" if remaining_s is not None else ""
        with st.container(border=True):
            st.markdown(
                "**Building the demo**  \nTwo small studies of synthetic images are being created and trained on this "
                "machine."
            )
            st.progress(fraction, text=f"{plain_text(message)}{left}")
            if any(states and RunState.FINISHED in states for states in stage):
                st.caption("One study is ready for review; the other is still training.")


def run_states(path: Path) -> list[RunState] | None:
    """The states of a study's runs; None if there is no study yet, or none that can be opened."""
    try:
        return [run.state for run in find_runs(open_study(path))] if is_study(path) else None
    except Exception:  # it is listed with the reason elsewhere
        return None


def show_card(study: Study, *, is_current: bool) -> None:
    """A study's card below its name."""
    samples = study_data.load_samples(study)
    num_quarantined = len(study_data.load_quarantine(study))
    runs = find_runs(study)
    finished = [run for run in runs if run.is_finished]
    key = session.study_address(study.path)
    parts = [counted(len(samples), "image"), counted(len(study.classes), "class", "classes")]
    if num_quarantined:
        parts.append(f"{counted(num_quarantined, 'row')} left out")
    st.caption(" · ".join(parts) + (f"  \n{DEMO_SENTENCE}" if study.is_demo else ""))
    if study.is_update_unfinished:
        st.caption("An update of this study was interrupted. The study is unchanged; run the same import again.")
    if note := study_data.load_decoding_note(study):
        st.caption(note)
    counts = samples["given_label"].value_counts()
    between = "  \n" if charts.has_long_names(study.classes) else " · "
    st.markdown(between.join(f"{plain_text(name)} **{counts.get(name, 0):,}**" for name in study.classes))
    if finished:
        show_progress(study, finished[-1])
    else:
        st.markdown(f"Last training: {STATE_WORDS[runs[-1].state]}" if runs else "Not trained yet")
    with st.container(horizontal=True):
        if finished and st.button("Review", key=f"studies_review_{key}", type="primary"):
            session.choose_study(study.path)
            st.switch_page("views/review.py")
        if not finished and session.may_manage():
            label = "View training" if running_training(study) else "Train"
            if st.button(label, key=f"studies_train_{key}", type="primary"):
                session.choose_study(study.path)
                st.switch_page("views/train.py")
        if not is_current and st.button("Open", key=f"studies_open_{key}"):
            session.choose_study(study.path)
            st.rerun()


def show_progress(study: Study, run: Run) -> None:
    """The number of a run's proposals, and how many of them this session's reader has decided."""
    scores = study_data.load_scores(run)
    proposed = set(scores.loc[scores["is_proposed"], "sample_id"])
    reader = session.reader_name()
    decisions = session.ledger(study).decisions(reader) if reader else []
    decided = {decision.verdict.sample_id for decision in decisions}
    num_read = len(proposed & decided)
    text = f"**{counted(len(proposed), 'proposal')}**"
    text += f" · {num_read:,} reviewed by you" if reader else ""
    st.progress(num_read / len(proposed) if proposed else 0.0, text=text)


def show_report(study: Study) -> None:
    """A report on the study's data: classes, splits, patients, raters, quarantined rows, and the data checks."""
    samples = study_data.load_samples(study)
    st.header(f"Data report: {plain_text(study.name)}")
    for finding in study_data.load_burned_in(study):
        st.warning(finding.message, icon=":material/visibility:")
    left, right = st.columns([3, 2], gap="large")
    with left:
        st.subheader("Images per class")
        counts = samples["given_label"].value_counts()
        figure = charts.class_balance({name: int(counts.get(name, 0)) for name in study.classes})
        charts.show_chart(figure, key="studies_balance", alt="Bar chart of the number of images per given label")
    with right:
        st.subheader("Composition")
        st.markdown("\n".join(f"- {line}" for line in composition(study, samples)))
        show_failure("settings")
        show_protocol(study)
        show_grades_field(study)
        if session.is_owner():
            show_critical_classes(study)
    show_quarantine(study)
    show_findings(study)


def show_critical_classes(study: Study) -> None:
    """The classes that nobody may change many images of at once; only the owner decides which."""
    key = f"studies_critical_{study.ledger_study}_{num_failures('settings')}"

    def save() -> None:
        configure(study, critical_classes=tuple(session.field_value(key) or ()), actor=session.account())

    st.multiselect(
        "Critical classes",
        study.classes,
        default=[name for name in study.critical_classes if name in study.classes],
        key=key,
        help="Images are changed from and to these classes one at a time, never many at once in the Gallery.",
        placeholder="none",
        on_change=attempt,
        args=("settings", save),
    )


def composition(study: Study, samples: pd.DataFrame) -> list[str]:
    """Sentences on splits, patients, slides and raters."""
    lines = []
    splits = samples["split"].replace("", "no split").value_counts()
    lines.append("Splits: " + ", ".join(f"{plain_text(name)} {count:,}" for name, count in splits.items()))
    for column, noun in (("patient", "patient"), ("slide", "slide")):
        known = samples.loc[samples[column] != "", column]
        if len(known):
            lines.append(f"{counted(known.nunique(), noun)}, {len(known) / known.nunique():.1f} images each")
        else:
            lines.append(f"No {noun} IDs")
    for name in study.rater_names:
        differs = (samples[name] != samples["given_label"]) & (samples[name] != "")
        rater = plain_text(name.removeprefix("rater_"))
        lines.append(f"Rater {rater} disagrees with the given label on {counted(int(differs.sum()), 'image')}")
    return lines


def show_quarantine(study: Study) -> None:
    """The numbers of rows that were left out and the reasons, without names."""
    quarantine = study_data.load_quarantine(study)
    if quarantine.empty:
        return
    st.subheader(f"Rows left out ({len(quarantine):,})")
    st.caption("They are not used for training, and keep their given label in the export.")
    table = quarantine[["row", "reason"]].rename(columns={"row": "Source row", "reason": "Reason"})
    st.dataframe(table, hide_index=True, width="stretch", height=min(320, 38 + 35 * len(table)))


def show_findings(study: Study) -> None:
    """The findings of the data checks, which run on request, since they read every image."""
    st.subheader("Data checks")
    is_asked = study.path in session.get("checked_studies", ())
    if not is_asked:
        st.caption(
            "Looks for duplicate images, patients in more than one split, label leakage and outliers. This takes "
            "about a minute for 4,000 images."
        )
        if st.button("Run checks", key="studies_check"):
            session.put("checked_studies", (*session.get("checked_studies", ()), study.path))
            st.rerun()
        return
    with st.spinner("Checking every image…"):
        findings = study_data.load_findings(study)
    if not findings:
        st.markdown("No problems were found.")
    samples = study_data.load_samples(study).set_index("sample_id")
    for severity, (icon, title) in SEVERITIES.items():
        of_severity = [finding for finding in findings if finding.severity == severity]
        if of_severity:
            st.markdown(f"{icon} **{title}**")
        for finding in of_severity:
            st.markdown(f"- {plain_text(finding.message[:1].upper() + finding.message[1:])}")
            if finding.groups or finding.kind in WITH_IMAGES:
                show_finding_images(study.pixels_path, finding, captions(finding, samples))


def captions(finding: Finding, samples: pd.DataFrame) -> dict[str, str]:
    """Captions for a finding's images: their given labels or splits, if the finding is about these."""
    columns = [column for word, column in CAPTION_COLUMNS.items() if finding.kind.endswith(word)]
    return samples.loc[samples.index.isin(finding.samples), columns[0]].to_dict() if columns else {}


show_page()
