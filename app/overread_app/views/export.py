"""The Export page: what counts where readers differ, a summary, the downloads, and how far readers agree."""

import io
import tempfile
import zipfile
from collections import Counter
from functools import partial
from pathlib import Path

import pandas as pd
import streamlit as st

from overread.pipeline.exporting import export_study, export_table
from overread.review.adjudication import has_rounds
from overread.review.cleaned_csv import changes_table, write_csv
from overread.review.exports.export_registry import FORMATS, export_format
from overread.review.final_labels import LabelPolicy
from overread.review.reviewed import OUTDATED
from overread.review.roles import Actor
from overread.sources.label_classes import listed
from overread.studies.study import Study
from overread_app import session, study_data
from overread_app.boundary import plain_text
from overread_app.components.agreement_panel import show_agreement
from overread_app.components.wording import VERDICT_WORDS, run_title
from overread_app.study_data import ExportSummary

NUM_PREVIEWED = 8
OWN_FORMATS = ("csv", "changes", "readings", "bundle")
POLICY_WORDS = {
    LabelPolicy.UNANIMOUS: (
        "Only if all agree",
        "A label changes if all its readers want the same one. Where they differ, the given label is kept.",
    ),
    LabelPolicy.MAJORITY: (
        "Majority",
        "The label that more than half of the readers want. Where there is none, the given label is kept.",
    ),
    LabelPolicy.ADJUDICATED: (
        "Adjudicated",
        "The adjudicator's label, or the one that the second round came to; else as if only agreement counts.",
    ),
    LabelPolicy.DAWID_SKENE: (
        "Weighted by reader",
        "Where readers differ, the label that is most probable by how each of them labels the other images "
        "(Dawid-Skene). It takes three readers with 50 images each that others read too; else the given label is kept.",
    ),
    LabelPolicy.SOFT: (
        "Majority, with shares",
        "As by majority; the cleaned CSV also has a column for each class with its share of the readers' labels.",
    ),
}
"""Each policy's title and what it does."""


def show_page() -> None:
    session.require_management()
    st.title("Export")
    study = session.current_study()
    if study is None:
        st.info("There is no study yet. Create one on the Studies page.", icon=":material/info:")
        return
    run = session.current_run()
    st.caption(f"The cleaned table of {plain_text(study.name)}" + (f" · {run_title(run)}" if run else ""))
    run_name = run.name if run else None
    if not session.is_owner():
        show_own(study, run_name)
        return
    agreement = study_data.load_agreement(study)
    policy = choose_policy(study) if agreement and len(agreement.readers) > 1 else LabelPolicy.UNANIMOUS
    show_numbers(study_data.load_export_summary(study, run_name, policy))
    show_downloads(study, run_name, policy)
    show_agreement(agreement)
    show_tools(study, run_name, policy)
    show_own_changes(study)


def choose_policy(study: Study) -> LabelPolicy:
    """Which label counts where readers differ."""
    titles = {title: policy for policy, (title, _) in POLICY_WORDS.items()}
    usual = LabelPolicy.ADJUDICATED if has_rounds(session.ledger(study)) else LabelPolicy.UNANIMOUS
    default = POLICY_WORDS[usual][0]
    title = st.segmented_control("Where readers differ", list(titles), default=default, key="export_policy")
    policy = titles.get(title or "", usual)
    st.caption(POLICY_WORDS[policy][1])
    return policy


def show_numbers(summary: ExportSummary) -> None:
    """The number of the source's rows by outcome, over all readers."""
    verdicts = Counter(summary.verdicts)
    num_relabelled = summary.num_changed - verdicts["exclude"]
    others = ("disputed", OUTDATED, "", "quarantined")
    num_kept = verdicts.total() - summary.num_changed - sum(verdicts[verdict] for verdict in others)
    figures = (
        ("Changed", num_relabelled, "A reader accepted the proposal or chose another class."),
        ("Kept", num_kept, "Readers kept the given label, or could not judge."),
        ("Excluded", verdicts["exclude"], "Their final label is empty."),
        ("Disputed", verdicts["disputed"], "Readers disagree; the given label is kept until this is resolved."),
        ("Outdated", verdicts[OUTDATED], "The kept label, or the image, has changed in the source since the decision."),
        ("Undecided", verdicts[""], "The given label is kept."),
        ("Unreadable", verdicts["quarantined"], "The image could not be opened; the given label is kept."),
    )
    for column, (title, number, explanation) in zip(st.columns(len(figures)), figures, strict=True):
        column.metric(title, f"{number:,}", help=explanation)


def show_own(study: Study, run_name: str | None) -> None:
    """For a reader who is not the study's owner: only the rows that they decided, by their own verdicts."""
    st.caption(
        "You can download your own verdicts. Only the study's owner, who opens Overread at the address shown in the "
        "terminal, can export those of all readers."
    )
    reader = session.reader_name()
    if not reader:
        st.info("Enter your name on the Review page to download your verdicts.", icon=":material/info:")
        return
    show_own_changes(study)
    st.download_button(
        "Download your verdicts",
        data=partial(own_csv, study, run_name, reader),
        file_name=f"{study.path.name}-own-verdicts.csv",
        mime="text/csv",
        type="primary",
        key="export_own",
        on_click="ignore",
    )


def own_csv(study: Study, run_name: str | None, reader: str) -> bytes:
    """The rows that a reader decided."""
    table, own_columns = export_table(study, run_name, reader=reader)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "own.csv"
        write_csv(changes_table(table, own_columns), path, own_columns=own_columns)
        return path.read_bytes()


def show_own_changes(study: Study) -> None:
    """The reader's own latest verdicts that change a label: given, final, when. Nobody else's."""
    reader = session.reader_name()
    if not reader:
        return
    st.header("Your latest changes")
    decisions = session.ledger(study).decisions(reader)
    rows = [
        {
            "Given label": decision.verdict.given_label,
            "Final label": decision.verdict.chosen_label or "(excluded)",
            "Verdict": VERDICT_WORDS[decision.verdict.kind],
            "Label error probability": f"{decision.verdict.score:.2f}",
            "Decided (UTC)": f"{decision.decided_at:%Y-%m-%d %H:%M}",
        }
        for decision in reversed(decisions)
        if decision.verdict.chosen_label != decision.verdict.given_label
    ]
    if rows:
        st.dataframe(pd.DataFrame(rows[:NUM_PREVIEWED]), hide_index=True, width="stretch")
        if len(rows) > NUM_PREVIEWED:
            st.caption(f"And {len(rows) - NUM_PREVIEWED:,} more.")
    else:
        st.caption("None yet.")


def show_downloads(study: Study, run_name: str | None, policy: LabelPolicy) -> None:
    st.header("Download")
    st.markdown(f"{export_format('bundle').explanation} File names and the readers' names are in it; images are not.")
    above = st.container()
    is_safe = st.toggle(
        "Safe for spreadsheets",
        key="export_is_safe",
        help="Puts an apostrophe before any cell that a spreadsheet would run as a formula. "
        "The source's own cells may then differ from the original.",
    )
    with above:
        st.download_button(
            "Download everything",
            # Made when it is asked for, so that it holds the verdicts of that moment.
            data=partial(export_bytes, study, run_name, "bundle", policy, actor=session.account(), is_safe=is_safe),
            file_name=f"{study.path.name}-export.zip",
            mime="application/zip",
            type="primary",
            key="export_everything",
            on_click="ignore",
        )
    with st.expander("Single files"):
        for name, key in (("csv", "export_download"), ("changes", "export_changes"), ("readings", "export_readings")):
            format = export_format(name)
            text, button = st.columns([5, 2], vertical_alignment="center")
            text.markdown(format.explanation)
            with button:
                st.download_button(
                    f"Download {format.title[:1].lower()}{format.title[1:]}",
                    data=partial(
                        export_bytes,
                        study,
                        run_name,
                        name,
                        policy,
                        actor=session.account(),
                        is_safe=is_safe and format.is_spreadsheet,
                    ),
                    file_name=f"{study.path.name}-{'cleaned' if name == 'csv' else name}.csv",
                    mime="text/csv",
                    key=key,
                    on_click="ignore",
                    width="stretch",
                )


def show_tools(study: Study, run_name: str | None, policy: LabelPolicy) -> None:
    st.header("Labels for other tools")
    tools = {format.title: format for format in FORMATS if format.explanation and format.name not in OWN_FORMATS}
    name = st.segmented_control("Tool", list(tools), key="export_tool", label_visibility="collapsed")
    if name is None:
        st.caption(
            "Download the labels in another tool's format. For torchvision's ImageFolder, run `overread export STUDY "
            "--format imagefolder --out FOLDER` on the machine that has the images; it makes a folder of links to them."
        )
        return
    tool = tools[name]
    classes = plain_text(listed([f"{place} {label}" for place, label in enumerate(study.classes)]))
    names = (
        "file names and the readers' names, but no images"
        if tool.names_readers
        else "file names, but no readers or images"
    )
    st.markdown(f"{tool.explanation.format(classes=classes)} It contains the source's {names}.")
    if tool.needs_run and run_name is None:
        st.caption("This format needs a finished training run, and there is none yet.")
        return
    suffix = tool.suffix if tool.is_one_file else ".zip"
    st.download_button(
        f"Download for {name}",
        data=partial(export_bytes, study, run_name, tool.name, policy, actor=session.account()),
        file_name=f"{study.path.name}-{tool.name}{suffix}",
        mime={".csv": "text/csv", ".zip": "application/zip"}.get(suffix, "text/plain"),
        key="export_tool_download",
        on_click="ignore",
    )


def export_bytes(
    study: Study,
    run_name: str | None,
    name: str,
    policy: LabelPolicy,
    *,
    actor: Actor | None,
    is_safe: bool = False,
) -> bytes:
    """The file that an export of the format `name` writes; a zip if there are several."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / f"{study.path.name}{export_format(name).suffix}"
        export_study(study, out, run_name, format=name, spreadsheet_safe=is_safe, policy=policy, actor=actor)
        files = sorted(path for path in Path(folder).rglob("*") if path.is_file())
        if len(files) == 1:
            return files[0].read_bytes()
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as zipped:
            for file in files:
                zipped.write(file, file.relative_to(folder))
        return archive.getvalue()


show_page()
