"""The Train page: start, watch, stop and resume training, and list the runs."""

import math
from typing import Any

import streamlit as st

from overread.config import PRESETS
from overread.errors import UserError
from overread.review.final_labels import final_labels
from overread.studies.run import Run, RunState, find_runs, running_training
from overread.studies.study import Study
from overread_app import processes, session, study_data
from overread_app.boundary import error_boundary, plain_text, without_paths
from overread_app.components import charts
from overread_app.components.wording import STATE_WORDS, counted, duration, run_title

PRESET_WORDS = {
    "quick": "quick: sized for two CPU cores",
    "paper": "paper: the published method, unchanged",
    "overread": "overread: scores each label with models that never saw it",
}

STEP_WORDS = {
    "pictures": "Finding duplicate images",
    "features": "Computing image features",
    "scoring": "Scoring every label",
    "trial": "Trying whether networks help",
}
"""Texts for a training's events between its epochs."""

OUTCOME_WORDS = {
    "better": "Better than the previous run.",
    "alike": "No measurable difference from the previous run.",
    "worse": "Worse than the previous run.",
}


def show_page() -> None:
    st.title("Train")
    study = session.current_study()
    if study is None:
        st.info("There is no study yet. Create one on the Studies page.", icon=":material/info:")
        return
    st.caption(f"Train a model on {plain_text(study.name)}. Where it disagrees with a label, it proposes another one.")
    if is_training(study):
        show_running(study)
    else:
        show_failure(study)
        show_after_review(study)
        show_settings(study)
    show_runs(study)


def is_training(study: Study) -> bool:
    """Whether the study is being trained, or a training was just started in this session."""
    process = session.get(process_name(study))
    return running_training(study) is not None or (process is not None and process.poll() is None)


def process_name(study: Study) -> str:
    return f"training_{study.ledger_study}"


def show_after_review(study: Study) -> None:
    """Offer a training with the decided labels fixed, if there are a run to start from and decisions."""
    run = session.current_run()
    num_decided = len(final_labels(study_data.ledger(study).decisions())) if run else 0
    if run is None or not num_decided:
        return
    with st.container(border=True):
        text, action = st.columns([3, 1], vertical_alignment="center")
        text.markdown(
            f"**After review**  \n{counted(num_decided, 'label has', 'labels have')} been decided. Retrain with these "
            "decisions fixed. It starts from the current run, takes less time, and replaces it only if it scores at "
            "least as well."
        )
        if action.button("Retrain", key="train_after_review"):
            start(study, ["--after-review", "--run", run.name])
            st.rerun()


def show_settings(study: Study) -> None:
    """The settings of a new training, and the button that starts it."""
    presets = list(dict.fromkeys(name for name in ("overread", "quick", *PRESETS) if name in PRESETS))
    with st.form("train_settings"):
        st.subheader("New training")
        first, second, third = st.columns(3)
        preset = first.selectbox(
            "Preset",
            presets,
            format_func=lambda name: PRESET_WORDS.get(name, name),
            help="A set of values that work together. Advanced settings override individual values.",
        )
        seed = second.number_input(
            "Seed", min_value=0, max_value=2**31 - 1, value=0, help="The same seed and settings give the same run."
        )
        device = third.selectbox(
            "Device", ["auto", "cpu", "cuda"], help="auto uses the GPU if there is one, otherwise the CPU."
        )
        with st.expander("Advanced settings"):
            chosen = ask_overrides(has_raters=bool(study.rater_names))
        if st.form_submit_button("Start training", type="primary"):
            start(study, ["--preset", preset, "--seed", str(int(seed)), "--device", device, *chosen])
            st.rerun()
        st.caption("Training continues if you close this page.")


def ask_overrides(*, has_raters: bool) -> list[str]:
    """Options of `train` for the settings that were filled in; empty ones keep the preset's value."""
    first, second, third = st.columns(3)
    pretrain = first.number_input(
        "Pretraining (epochs)", min_value=0, max_value=2000, value=None, placeholder="preset value",
        help="Passes over all images in which the model learns features without labels.",
    )  # fmt: skip
    warmup = second.number_input(
        "Warm-up (epochs)", min_value=1, max_value=500, value=None, placeholder="preset value",
        help="Passes over all images with the given labels, before refinement starts.",
    )  # fmt: skip
    confidence = third.number_input(
        "Consensus confidence (%)", min_value=50.0, max_value=99.9, value=None, placeholder="preset value",
        help="How confident the model must be in a class, at every stage of a round, before it trains on that class.",
    )  # fmt: skip
    use_raters = has_raters and st.checkbox(
        "Use the raters' labels",
        help="Uses individual raters' labels as evidence for or against the given label. Leave this off if you will "
        "evaluate the results against them. Only the overread preset supports it.",
    )
    chosen = ["--set", "refinement.use_raters=true"] if use_raters else []
    if pretrain is not None:
        chosen += ["--set", f"pretrain.num_epochs={int(pretrain)}"]
    if warmup is not None:
        chosen += ["--set", f"warmup.num_epochs={int(warmup)}"]
    if confidence is not None:
        chosen += ["--set", f"rounds.max_loss={-math.log(confidence / 100):.6f}"]
    return chosen


def start(study: Study, arguments: list[str]) -> None:
    """Start a training in a process of its own. Raises UserError if one is running."""
    if is_training(study):
        raise UserError("This study is already being trained.")
    process = processes.start_training(study.path, arguments, log=study.runs_path / "train.log")
    session.put(process_name(study), process)


@st.fragment(run_every=1)
def show_running(study: Study) -> None:
    """The training's progress; redraws the whole page when it has ended."""
    with error_boundary():
        if not is_training(study):
            st.rerun()
        training = running_training(study)
        run = next((run for run in find_runs(study) if training and run.name == training["run"]), None)
        events = run.events() if run else []
        with st.container(border=True):
            epochs = [event for event in events if event["event"] == "epoch"]
            if events and events[-1]["event"] in STEP_WORDS:
                done = float(events[-1].get("fraction", 0))
                st.progress(done, text=f"{STEP_WORDS[events[-1]['event']]} · {done:.0%}")
            elif epochs:
                last = epochs[-1]
                text = f"{plain_text(last['phase'])} · epoch {last['num_done']} of {last['num_epochs']}"
                text += f" · about {duration(last['remaining_s'])} left"
                st.progress(min(1.0, last["num_done"] / last["num_epochs"]), text=text)
            else:
                st.progress(0.0, text="Starting…")
            if training and st.button("Cancel training", key="train_cancel"):
                processes.stop_training(training["process"])
                st.caption("Training stops after the current step.")
            if epochs:
                charts.show_chart(
                    charts.loss_curves(events), key="train_loss_live", alt="Line chart of the loss by epoch"
                )


def show_failure(study: Study) -> None:
    """Why the training that this session started failed, if it did."""
    process = session.get(process_name(study))
    if process is None:
        return
    session.put(process_name(study), None)
    if process.poll() == 2:
        message = processes.last_line(study.runs_path / "train.log").removeprefix("error: ")
        st.warning(plain_text(without_paths(message)), icon=":material/info:")


def show_runs(study: Study) -> None:
    """The runs, newest first: their results and loss curves, and a button to resume an interrupted one."""
    runs = [run for run in reversed(find_runs(study)) if run.state is not RunState.RUNNING]
    st.subheader("Runs")
    if not runs:
        st.caption("None yet.")
    shown = session.current_run()
    for run in runs:
        # A damaged run must not make the others fail.
        with st.container(border=True), error_boundary():
            text, actions = st.columns([3, 1], vertical_alignment="center")
            is_shown = shown is not None and run.name == shown.name
            text.markdown(f"**{run_title(run)}**  \n{run_summary(run)}" + (" · shown on all pages" if is_shown else ""))
            with actions:
                if run.is_finished and not is_shown and st.button("Show this run", key=f"train_show_{run.name}"):
                    session.choose_run(run.name)
                    st.rerun()
                can_resume = run == runs[0] and not run.is_finished
                if can_resume and not is_training(study) and st.button("Resume", key=f"train_resume_{run.name}"):
                    start(study, ["--resume"])
                    st.rerun()
            show_comparison(run)
            events = run.events()
            if any(event["event"] == "epoch" for event in events):
                with st.expander("Loss by epoch"):
                    figure = charts.loss_curves(events)
                    charts.show_chart(figure, key=f"train_loss_{run.name}", alt="Line chart of the loss by epoch")


def show_comparison(run: Run) -> None:
    """The comparison of a run after review with the one before it, and the choice between the two."""
    comparison = run.comparison()
    if comparison is None or not run.is_finished:
        return
    st.markdown(comparison_text(comparison))
    base = run.config()["after_review"]["run"]
    use, keep, _ = st.columns([1, 1, 2])
    if run.is_set_aside and use.button("Use the new run", key=f"train_use_{run.name}", width="stretch"):
        run.choose(is_used=True)
        session.choose_run(run.name)
        st.rerun()
    if run.choice() is not False and keep.button("Keep the old run", key=f"train_keep_{run.name}", width="stretch"):
        run.choose(is_used=False)
        session.choose_run(base)
        st.rerun()


def comparison_text(comparison: dict[str, Any]) -> str:
    """The content of comparison.json in words: the outcome, then the figures."""
    num_wrong = comparison["num_wrong"]
    num_right = comparison["num_samples"] - num_wrong
    if comparison["outcome"] == "too_few":
        return (
            "**Too few decisions to compare it with the previous run.** Of the decided labels held out for this "
            f"purpose, {num_wrong} are wrong and {num_right} are right. The comparison needs 20, at least five of each."
        )
    precision, brier = comparison["average_precision"], comparison["brier"]
    return (
        f"**{OUTCOME_WORDS[comparison['outcome']]}** Both were evaluated on decided labels held out for this purpose: "
        f"{num_wrong} wrong and {num_right} right.\n"
        f"- Average precision (1 is best): {precision['before']:.2f} before, {precision['after']:.2f} now; "
        f"change between {precision['low']:+.2f} and {precision['high']:+.2f}\n"
        f"- Brier score (0 is best): {brier['before']:.3f} before, {brier['after']:.3f} now; "
        f"change between {brier['low']:+.3f} and {brier['high']:+.3f}"
    )


def run_summary(run: Run) -> str:
    """State, number of proposals and time taken; for a run after review, the decisions it used and whether it is in
    use."""
    parts = [STATE_WORDS[run.state]]
    known = run.config().get("after_review")
    if known:
        parts.append(f"after review of {counted(known['num_pinned'] + known['num_excluded'], 'label')}")
    if run.is_finished and run.is_set_aside:
        parts.append("not in use")
    events = run.events()
    if run.is_finished:
        parts.append(counted(int(study_data.load_scores(run)["is_proposed"].sum()), "proposal"))
    if events:
        parts.append(f"took {duration(events[-1]['elapsed_s'])}")
    if run.state is RunState.FAILED:
        parts.append(plain_text(without_paths(str(events[-1].get("message", "")))))
    return " · ".join(part for part in parts if part)


show_page()
