"""The Train page: start, watch, stop and resume training, and list and compare the runs."""

from typing import Any

import streamlit as st

from overread.errors import UserError
from overread.pipeline.configuring import choose_run
from overread.pipeline.training_time import elapsed_s
from overread.review.final_labels import final_labels
from overread.studies.run import Run, RunState, find_runs, running_training
from overread.studies.study import Study
from overread_app import processes, session, study_data
from overread_app.boundary import error_boundary, plain_text, without_paths
from overread_app.components import training_words as words
from overread_app.components.failure import attempt, show_failure
from overread_app.components.promise_text import promise_text
from overread_app.components.run_comparison_panel import show_run_comparison
from overread_app.components.training_form import show_form
from overread_app.components.training_panel import show_log, show_running, show_unfinished
from overread_app.components.wording import STATE_WORDS, counted, duration, run_title


def show_page() -> None:
    session.require_management()
    st.title("Train")
    study = session.current_study()
    if study is None:
        st.info(words.NO_STUDY, icon=":material/info:")
        return
    st.caption(words.PAGE.format(study=plain_text(study.name)))
    runs = find_runs(study)
    if is_training(study):
        show_training(study)
    else:
        show_refusal(study, runs)
        if runs and (not runs[-1].is_finished or runs[-1].is_pending):
            show_unfinished(study, runs[-1], resume=lambda: start(study, ["--resume"]))
        show_after_review(study)
        if arguments := show_form(study):
            start(study, arguments)
    show_runs(study)
    show_run_comparison(study, [run for run in runs if run.is_finished])


def is_training(study: Study) -> bool:
    """Whether the study is being trained, or a training was just started in this session."""
    process = session.get(process_name(study))
    return running_training(study) is not None or (process is not None and process.poll() is None)


def process_name(study: Study) -> str:
    return f"training_{study.ledger_study}"


def show_after_review(study: Study) -> None:
    """Offer a training with the decided labels fixed, if there are a run to start from and decisions."""
    run = session.current_run()
    num_decided = len(final_labels(session.ledger(study).decisions())) if run else 0
    if run is None or not num_decided:
        return
    with st.container(border=True):
        text, action = st.columns([4, 1], vertical_alignment="center")
        text.markdown(words.AFTER_REVIEW.format(labels=counted(num_decided, "label has", "labels have")))
        if action.button(words.RETRAIN, key="train_after_review", width="stretch"):
            start(study, ["--after-review", "--run", run.name])


def start(study: Study, arguments: list[str]) -> None:
    """Start a training in a process of its own, and draw the page anew. Raises UserError if one is running."""
    if is_training(study):
        raise UserError(words.IS_RUNNING)
    session.put(stopping_name(study), None)
    log = study.runs_path / "train.log"
    process = processes.start_training(study.path, arguments, log=log, actor=session.account())
    session.put(process_name(study), process)
    st.rerun()


@st.fragment(run_every=1)
def show_training(study: Study) -> None:
    """The training's progress; redraws the whole page when it has ended."""
    with error_boundary():
        if not is_training(study):
            st.rerun()
        place = f"stop_{(running_training(study) or {}).get('run')}"
        show_failure(place, lasts=True)
        is_stopping = session.get(stopping_name(study), False)
        show_running(study, is_stopping=is_stopping, stop=lambda: attempt(place, stop, study))


def stop(study: Study) -> None:
    """Ask the training under way to stop. Raises NotAllowedError if it is another user's."""
    if training := running_training(study):
        processes.stop_training(training["process"], actor=session.account())
        session.put(stopping_name(study), True)


def stopping_name(study: Study) -> str:
    return f"stopping_{study.ledger_study}"


def show_refusal(study: Study, runs: list[Run]) -> None:
    """Why the training that this session started did not begin; a run that failed tells for itself."""
    process = session.get(process_name(study))
    if process is None:
        return
    session.put(process_name(study), None)
    if process.poll() == 0 or (runs and runs[-1].training_state in (RunState.FAILED, RunState.CANCELLED)):
        return
    lines = processes.error_lines(study.runs_path / "train.log")
    text = plain_text(without_paths(lines[-1])) if lines else words.NOT_STARTED
    st.warning(text, icon=":material/info:")


def show_runs(study: Study) -> None:
    """The runs, newest first, with their results and logs; the newest has a place of its own while it is unfinished."""
    runs = find_runs(study)
    runs = runs[::-1] if runs and runs[-1].is_finished else runs[-2::-1]
    st.header(words.RUNS)
    if not runs:
        st.caption(words.NO_RUNS)
    shown = session.current_run()
    for run in runs:
        # A damaged run must not make the others fail.
        with st.container(border=True), error_boundary():
            text, actions = st.columns([4, 1], vertical_alignment="center")
            is_shown = shown is not None and run.name == shown.name
            parts = [*run_summary(run), words.SHOWN] if is_shown else run_summary(run)
            text.markdown(f"**{run_title(run)}**  \n{' · '.join(parts)}")
            if run.is_finished and not is_shown:
                key = f"train_show_{run.name}"
                actions.button(words.SHOW_RUN, key=key, width="stretch", on_click=session.choose_run, args=(run.name,))
            show_comparison(run)
            if run.is_finished:
                st.caption(promise_text(study, run))
            if run.is_finished and not run.is_pending:  # the log of one that may go on stands above
                show_log(run.events(), key=run.name)


def show_comparison(run: Run) -> None:
    """The comparison of a run after review with the one before it, and the choice between the two."""
    comparison = run.comparison()
    if comparison is None or not run.is_finished:
        return
    st.markdown(comparison_text(comparison))
    base = run.config()["after_review"]["run"]
    use, keep, _ = st.columns([1, 1, 2])
    if run.is_set_aside and use.button(words.USE_NEW, key=f"train_use_{run.name}", width="stretch"):
        choose_run(run, is_used=True, actor=session.account())
        session.choose_run(run.name)
        st.rerun()
    if run.choice() is not False and keep.button(words.KEEP_OLD, key=f"train_keep_{run.name}", width="stretch"):
        choose_run(run, is_used=False, actor=session.account())
        session.choose_run(base)
        st.rerun()


def comparison_text(comparison: dict[str, Any]) -> str:
    """The content of comparison.json in words: the outcome, then the figures."""
    num_wrong = comparison["num_wrong"]
    counts = {"num_wrong": num_wrong, "num_right": comparison["num_samples"] - num_wrong}
    if comparison["outcome"] == "too_few":
        return words.TOO_FEW.format(**counts)
    figures = {name: comparison[name] for name in ("average_precision", "brier")}
    return words.COMPARED.format(outcome=words.OUTCOMES[comparison["outcome"]], **counts, **figures)


def run_summary(run: Run) -> list[str]:
    """State, number of proposals and time taken; for a run after review, the decisions it used and whether it is in
    use."""
    parts = [STATE_WORDS[run.state]]
    known = run.config().get("after_review")
    if known:
        parts.append(words.AFTER_REVIEW_OF.format(labels=counted(known["num_pinned"] + known["num_excluded"], "label")))
    if run.is_finished and run.is_set_aside:
        parts.append(words.NOT_IN_USE)
    if run.is_finished:
        parts.append(counted(int(study_data.load_scores(run)["is_proposed"].sum()), "proposal"))
    if events := run.events():
        parts.append(words.TOOK.format(time=duration(elapsed_s(events))))
    return parts


show_page()
