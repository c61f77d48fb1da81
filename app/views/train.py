"""The Train page: start a training, watch it, stop it, go on with one that was cut short; and the runs there are."""

import math

import streamlit as st

from app import processes, session
from app.boundary import error_boundary, plain_text
from app.components import charts
from app.components.wording import STATE_WORDS, counted, run_title, span
from core.config import PRESETS
from core.datasets.runs import Run, RunState, find_runs, running_training
from core.datasets.study import Study
from core.errors import UserError

PRESET_WORDS = {
    "quick": "quick: sized for two CPU cores",
    "paper": "paper: the published method and nothing beside it",
    "overread": "overread: judges each label with models that never saw it",
}


def show_page() -> None:
    st.title("Train")
    study = session.current_study()
    if study is None:
        st.info("There is no study yet. Make one on the Studies page.", icon=":material/info:")
        return
    st.caption(
        f"Train a model on {plain_text(study.name)} itself; where it disagrees with a label, it makes a proposal."
    )
    if is_training(study):
        show_running(study)
    else:
        show_failure(study)
        show_settings(study)
    show_runs(study)


def is_training(study: Study) -> bool:
    """Whether a training of the study runs, or was started here and is about to."""
    process = session.kept(process_name(study))
    return running_training(study) is not None or (process is not None and process.poll() is None)


def process_name(study: Study) -> str:
    return f"training_{study.ledger_study}"


def show_settings(study: Study) -> None:
    """What a training may be told, and the button that starts it."""
    presets = list(dict.fromkeys(name for name in ("overread", "quick", *PRESETS) if name in PRESETS))
    with st.form("train_settings"):
        st.subheader("New training")
        first, second, third = st.columns(3)
        preset = first.selectbox(
            "Preset",
            presets,
            format_func=lambda name: PRESET_WORDS.get(name, name),
            help="A set of settings that belong together. Those below change single ones of them.",
        )
        seed = second.number_input(
            "Seed", min_value=0, max_value=2**31 - 1, value=0, help="The same seed and settings give the same run."
        )
        device = third.selectbox(
            "Device", ["auto", "cpu", "cuda"], help="auto takes the graphics card if there is one, else the processor."
        )
        with st.expander("Single settings"):
            chosen = ask_overrides()
        if st.form_submit_button("Start training", type="primary"):
            start(study, ["--preset", preset, "--seed", str(int(seed)), "--device", device, *chosen])
            st.rerun()
        st.caption("The training goes on when this page or the browser is closed.")


def ask_overrides() -> list[str]:
    """Options of `train` for the settings that were filled in; an empty one keeps the preset's value."""
    first, second, third = st.columns(3)
    pretrain = first.number_input(
        "Pretraining (epochs)", min_value=0, max_value=2000, value=None, placeholder="as the preset",
        help="Passes over all images in which the model learns what they look like, without labels.",
    )  # fmt: skip
    warmup = second.number_input(
        "Warm-up (epochs)", min_value=1, max_value=500, value=None, placeholder="as the preset",
        help="Passes over all images on the given labels, before any label is doubted.",
    )  # fmt: skip
    confidence = third.number_input(
        "Confidence for a consensus (%)", min_value=50.0, max_value=99.9, value=None, placeholder="as the preset",
        help="How sure the model must be of a class, at every stage of a round, before it trains on that class.",
    )  # fmt: skip
    chosen = []
    if pretrain is not None:
        chosen += ["--set", f"pretrain.num_epochs={int(pretrain)}"]
    if warmup is not None:
        chosen += ["--set", f"warmup.num_epochs={int(warmup)}"]
    if confidence is not None:
        chosen += ["--set", f"rounds.max_loss={-math.log(confidence / 100):.6f}"]
    return chosen


def start(study: Study, arguments: list[str]) -> None:
    """Start a training in a process of its own. Raises UserError if one is under way."""
    if is_training(study):
        raise UserError("A training of this study is under way already.")
    process = processes.start_training(study.path, arguments, log=study.runs_path / "train.log")
    session.keep(process_name(study), process)


@st.fragment(run_every=1)
def show_running(study: Study) -> None:
    """How far the training has come; once it has ended, the whole page is drawn anew."""
    with error_boundary():
        if not is_training(study):
            st.rerun()
        training = running_training(study)
        run = next((run for run in find_runs(study) if training and run.name == training["run"]), None)
        events = run.events() if run else []
        with st.container(border=True):
            epochs = [event for event in events if event["event"] == "epoch"]
            if epochs:
                last = epochs[-1]
                text = f"{plain_text(last['phase'])} · epoch {last['num_done']} of {last['num_epochs']}"
                text += f" · about {span(last['remaining_s'])} left"
                st.progress(min(1.0, last["num_done"] / last["num_epochs"]), text=text)
            else:
                st.progress(0.0, text="Starting…")
            if training and st.button("Cancel training", key="train_cancel"):
                processes.stop_training(training["process"])
                st.caption("It stops after the step that is under way.")
            if epochs:
                charts.show_chart(
                    charts.loss_curves(events), key="train_loss_live", alt="Line chart of the loss by epoch"
                )


def show_failure(study: Study) -> None:
    """Why the training that this session started ended early, if it did."""
    process = session.kept(process_name(study))
    if process is None:
        return
    session.keep(process_name(study), None)
    if process.poll() == 2:
        message = processes.last_line(study.runs_path / "train.log").removeprefix("error: ")
        st.warning(plain_text(message), icon=":material/info:")


def show_runs(study: Study) -> None:
    """The runs, newest first: what each came to, its loss curves, and Resume where one was cut short."""
    runs = [run for run in reversed(find_runs(study)) if run.state is not RunState.RUNNING]
    st.subheader("Runs")
    if not runs:
        st.caption("None yet.")
    shown = session.current_run()
    for run in runs:
        with st.container(border=True):
            text, actions = st.columns([3, 1], vertical_alignment="center")
            is_shown = shown is not None and run.name == shown.name
            text.markdown(
                f"**{run_title(run)}**  \n{describe(study, run)}" + (" · shown on all pages" if is_shown else "")
            )
            with actions:
                if run.is_finished and not is_shown and st.button("Show this run", key=f"train_show_{run.name}"):
                    session.choose_run(run.name)
                    st.rerun()
                can_resume = run == runs[0] and not run.is_finished
                if can_resume and not is_training(study) and st.button("Resume", key=f"train_resume_{run.name}"):
                    start(study, ["--resume"])
                    st.rerun()
            events = run.events()
            if any(event["event"] == "epoch" for event in events):
                with st.expander("Loss by epoch"):
                    figure = charts.loss_curves(events)
                    charts.show_chart(figure, key=f"train_loss_{run.name}", alt="Line chart of the loss by epoch")


def describe(study: Study, run: Run) -> str:
    """State, number of proposals, time taken."""
    parts = [STATE_WORDS[run.state]]
    events = run.events()
    if run.is_finished:
        parts.append(counted(int(session.load_scores(study, run)["is_proposed"].sum()), "proposal"))
    if events:
        parts.append(f"took {span(events[-1]['elapsed_s'])}")
    if run.state is RunState.FAILED:
        parts.append(plain_text(str(events[-1].get("message", ""))))
    return " · ".join(part for part in parts if part)


show_page()
