"""A training that runs, and one that ended before it was done: where it is, what it keeps, what to do."""

import shutil
import time
from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st

from overread import progress_words
from overread.pipeline.failure_cause import FailureCause
from overread.pipeline.training_progress import kept_progress, training_progress
from overread.studies.run import Run, RunState, find_runs, running_training
from overread.studies.study import Study
from overread_app import processes
from overread_app.boundary import plain_text, without_paths
from overread_app.components import charts
from overread_app.components import training_words as words
from overread_app.components.training_speed import run_estimate
from overread_app.components.wording import duration_in_words

MIN_FREE_BYTES = 200 * 2**20
"""With less disk space, a training that ended without a word has probably run out of it."""
MAX_LOG_LINES = 200


def show_running(study: Study, *, is_stopping: bool, stop: Callable[[], None]) -> None:
    """The training under way: what it does, how long that still takes, and the button that stops it."""
    training = running_training(study)
    run = next((run for run in find_runs(study) if training and run.name == training["run"]), None)
    events = run.events() if run else []
    with st.container(border=True):
        if is_stopping or run is None:
            st.progress(0.0, text=f"**{words.STOPPING if is_stopping else words.STARTING}**")
        else:
            progress = training_progress(events, run_estimate(study, run), age_s=_age_s(run))
            parts = [words.PERCENT.format(percent=round(100 * progress.fraction))]
            if progress.remaining_s is not None:
                parts.append(words.LEFT.format(time=duration_in_words(progress.remaining_s)))
            st.progress(progress.fraction, text=f"**{plain_text(progress.words)}** · {' · '.join(parts)}")
            if progress.num_first is not None:
                show_first(progress.num_first)
        button, text = st.columns([1, 4], vertical_alignment="center")
        is_stoppable = training is not None and not is_stopping
        button.button(words.STOP, key="train_stop", width="stretch", disabled=not is_stoppable, on_click=stop)
        text.caption(words.STOP_KEEPS)
        st.caption(words.GOES_ON)
        show_log(events, key="live")


def show_first(num_proposed: int) -> None:
    """The first proposals are there: how many, and the way to them."""
    text, link = st.columns([4, 1], vertical_alignment="center")
    words_ = progress_words.first_words(num_proposed)
    text.markdown(f":material/check: {words_[:1].upper()}{words_[1:]}.")
    if num_proposed:
        link.page_link("views/review.py", label=words.REVIEW, icon=":material/arrow_forward:")


def show_unfinished(study: Study, run: Run, *, resume: Callable[[], None]) -> None:
    """A training that was stopped, failed or died: what happened, what is kept, and the button that goes on."""
    events = run.events()
    with st.container(border=True):
        text, action = st.columns([4, 1], vertical_alignment="center")
        first = [words.FIRST_KEPT] if run.is_pending else []
        lines = [f"**{_headline(run)}**", *_reasons(study, run, events), *first, _kept(study, run, events)]
        text.markdown("  \n".join(lines))
        if action.button(words.CONTINUE, key=f"train_resume_{run.name}", type="primary", width="stretch"):
            resume()
        show_log(events, key=run.name, message=_message(study, run))


def show_log(events: Sequence[dict[str, Any]], *, key: str, message: str = "") -> None:
    """What a training wrote, folded away: its steps with their times, and the loss by epoch."""
    if not events and not message:
        return
    with st.expander(words.LOG, key=f"train_log_{key}", on_change="rerun") as expander:
        if not expander.open:
            return
        lines = log_lines(events)[-MAX_LOG_LINES:]
        st.code("\n".join([*lines, message] if message else lines), language=None, height=260, wrap_lines=True)
        if any(event["event"] == "epoch" for event in events):
            charts.show_chart(charts.loss_curves(events), key=f"train_loss_{key}", alt=words.LOSS)


def log_lines(events: Sequence[dict[str, Any]]) -> list[str]:
    """A line for each step, epoch and note of a training, with its time as minutes and seconds."""
    names = next((tuple(p["name"] for p in event["phases"]) for event in events if event["event"] == "start"), ())
    lines: list[str] = []
    for event in events:
        line = _log_line(event, names)
        seconds = int(float(event.get("elapsed_s", 0)))
        # The search and the features tell of each hundredth.
        if line and not (lines and lines[-1].endswith(f"  {line}")):
            lines.append(f"{seconds // 60:3d}:{seconds % 60:02d}  {line}")
    return lines


def _log_line(event: dict[str, Any], names: tuple[str, ...]) -> str:
    match event["event"]:
        case "pictures":
            return progress_words.PICTURES
        case "features":
            return progress_words.FEATURES
        case "scoring":
            return progress_words.SCORING
        case "epoch":
            words_ = progress_words.phase_words(str(event["phase"]), names)
            return words.EPOCH_LINE.format(words=words_, number=event["epoch"], loss=event["loss"])
        case "note":
            return str(event.get("message", ""))
        case "first":
            return progress_words.first_words(int(event["num_proposed"]))
    return words.EVENTS.get(event["event"], "")


def _age_s(run: Run) -> float:
    """Seconds since the training told of itself last."""
    try:
        return max(0.0, time.time() - run.progress_path.stat().st_mtime)
    except OSError:
        return 0.0


def _headline(run: Run) -> str:
    match run.training_state:
        case RunState.CANCELLED:
            return words.STOPPED
        case RunState.FAILED:
            return words.FAILED
        case RunState.FINISHED:
            return words.PENDING
    return words.INTERRUPTED


def _reasons(study: Study, run: Run, events: Sequence[dict[str, Any]]) -> list[str]:
    """What happened, and what to do about it."""
    if run.training_state in (RunState.CANCELLED, RunState.FINISHED):
        return []
    cause = _cause(study, run, events)
    if cause is None:
        return [words.INTERRUPTED_WHY]
    if cause is FailureCause.REFUSED:
        return [plain_text(_message(study, run)) or words.CAUSES[FailureCause.UNKNOWN][1]]
    return list(words.CAUSES[cause])


def _cause(study: Study, run: Run, events: Sequence[dict[str, Any]]) -> FailureCause | None:
    """Why it failed; None where it ended without a word and nothing tells why."""
    if run.training_state is RunState.FAILED:
        try:
            return FailureCause(str(events[-1].get("cause", "")))
        except ValueError:  # of an earlier version
            return FailureCause.UNKNOWN
    return FailureCause.DISK_FULL if shutil.disk_usage(study.path).free < MIN_FREE_BYTES else None


def _kept(study: Study, run: Run, events: Sequence[dict[str, Any]]) -> str:
    progress = kept_progress(events, run_estimate(study, run))
    percent = int(100 * progress.fraction)
    if not percent:
        return words.NOTHING_KEPT
    if progress.remaining_s is None:
        return words.KEPT.format(percent=percent)
    return words.KEPT_LEFT.format(percent=percent, time=duration_in_words(progress.remaining_s))


def _message(study: Study, run: Run) -> str:
    """The error that the failed training printed, if the log is its own; without paths."""
    log = study.runs_path / "train.log"
    try:
        is_own = log.stat().st_mtime >= run.progress_path.stat().st_mtime - 1
    except OSError:
        return ""
    lines = processes.error_lines(log) if is_own and run.training_state is RunState.FAILED else []
    return without_paths(lines[-1]) if lines else ""
