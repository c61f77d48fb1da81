"""The form of a new training: what each preset is for, how long it takes here, and advanced settings."""

import math

import streamlit as st

from overread.errors import ConfigError
from overread.pipeline.training_time import Speed, TimeEstimate, estimate_preset
from overread.studies.study import Study
from overread_app import study_data
from overread_app.boundary import error_boundary, plain_text
from overread_app.components import training_words as words
from overread_app.components.encoder_field import ask_encoder
from overread_app.components.training_speed import is_measuring, known_speed, measure_once
from overread_app.components.wording import counted, duration_in_words


def show_form(study: Study) -> list[str] | None:
    """The fields and the button that starts a training; returns the options of `train` once it was pressed."""
    st.header(words.NEW)
    speed = _speed_here(study)
    presets = st.container()  # drawn when the settings beneath are known, since their time depends on them
    with st.expander(words.ADVANCED):
        settings = _ask_settings(has_raters=bool(study.rater_names))
        device, seed = _ask_device_and_seed()
        encoder = ask_encoder()
    with presets:
        timed = None if encoder else speed  # another encoder takes another time
        captions = [_caption(study, name, timed, settings, device) for name in words.PRESETS]
        preset = st.radio(
            words.PRESET_FIELD,
            list(words.PRESETS),
            captions=captions,
            format_func=lambda name: words.PRESETS[name][0],
            key="train_preset",
        )
        _show_measured(study, speed)
    is_pressed = st.button(words.START, type="primary", key="train_start")
    st.caption(words.GOES_ON)
    if not is_pressed or encoder is None:
        return None
    assignments = [option for assignment in settings for option in ("--set", assignment)]
    return ["--preset", preset, "--seed", str(seed), "--device", device, *assignments, *encoder]


def _speed_here(study: Study) -> Speed | None:
    """This computer's speed for the study as it is; where it is not known, it is measured."""
    speed = known_speed(study)
    if speed is not None and speed.num_images == len(study_data.load_samples(study)):
        return speed
    if not is_measuring(study):
        measure_once(study)
    return None


def _caption(study: Study, preset: str, speed: Speed | None, settings: list[str], device: str) -> str:
    """What a preset is for, and how long it takes."""
    purpose = words.PRESETS[preset][1]
    if speed is None or device not in ("auto", speed.device):
        return purpose
    try:
        estimate = estimate_preset(study, speed, preset, settings)
    except ConfigError:  # of settings that this preset refuses, the training tells
        return purpose
    if estimate is None:
        return purpose
    return f"{purpose}  \n{_time(estimate)}"


def _time(estimate: TimeEstimate) -> str:
    time = duration_in_words(estimate.total_s)
    if estimate.first_s is None:
        return words.TIME_HERE.format(time=time)
    text = words.TIME_OF_TRIED if estimate.trial_s else words.TIME_OF_BOTH
    return text.format(first=duration_in_words(estimate.first_s), time=time)


def _show_measured(study: Study, speed: Speed | None) -> None:
    """What the times rest on."""
    if speed is None:
        if is_measuring(study):
            _await_speed(study)
        return
    images = counted(speed.num_images, "image")
    if speed.device == "cuda":
        text = words.MEASURED_ON_GPU.format(images=images, gpu=plain_text(speed.gpu))
    else:
        text = words.MEASURED_ON_CPU.format(images=images, cores=counted(speed.num_threads, "core"))
    if speed.num_runs:
        text += " " + words.CORRECTED.format(runs=counted(speed.num_runs, "earlier run"))
    st.caption(text)


@st.fragment(run_every=1)
def _await_speed(study: Study) -> None:
    with error_boundary():
        if not is_measuring(study):
            st.rerun()
        st.caption(words.MEASURING)


def _ask_device_and_seed() -> tuple[str, int]:
    first, second, _ = st.columns(3)
    device = first.selectbox(
        words.DEVICE_FIELD,
        list(words.DEVICES),
        format_func=words.DEVICES.__getitem__,
        help=words.DEVICE_HELP,
        key="train_device",
    )
    seed = second.number_input(
        words.SEED_FIELD, min_value=0, max_value=2**31 - 1, value=0, help=words.SEED_HELP, key="train_seed"
    )
    return str(device), int(seed)


def _ask_settings(*, has_raters: bool) -> list[str]:
    """Settings that were filled in, as SECTION.FIELD=VALUE; empty ones keep the preset's value."""
    first, second, third = st.columns(3)
    pretrain = first.number_input(
        words.PRETRAIN_FIELD, min_value=0, max_value=2000, value=None, placeholder=words.PRESET_VALUE,
        help=words.PRETRAIN_HELP, key="train_pretrain",
    )  # fmt: skip
    warmup = second.number_input(
        words.WARMUP_FIELD, min_value=1, max_value=500, value=None, placeholder=words.PRESET_VALUE,
        help=words.WARMUP_HELP, key="train_warmup",
    )  # fmt: skip
    confidence = third.number_input(
        words.CONFIDENCE_FIELD, min_value=50.0, max_value=99.9, value=None, placeholder=words.PRESET_VALUE,
        help=words.CONFIDENCE_HELP, key="train_confidence",
    )  # fmt: skip
    use_raters = has_raters and st.checkbox(words.RATERS_FIELD, help=words.RATERS_HELP, key="train_raters")
    chosen = ["refinement.use_raters=true"] if use_raters else []
    if pretrain is not None:
        chosen.append(f"pretrain.num_epochs={int(pretrain)}")
    if warmup is not None:
        chosen.append(f"warmup.num_epochs={int(warmup)}")
    if confidence is not None:
        chosen.append(f"rounds.max_loss={-math.log(confidence / 100):.6f}")
    return chosen
