"""How far a study's readers agree, as a part of the owner's Export page: no reader is named."""

import math

import streamlit as st

from overread.checks.agreement import GIVEN_LABEL, Agreement
from overread.checks.agreement_coefficients import Estimate
from overread.pipeline.study_agreement import RATERS, StudyAgreement
from overread_app.boundary import plain_text
from overread_app.components.wording import counted


def show_agreement(found: StudyAgreement | None) -> None:
    """Nothing where nobody labelled an image together with somebody else."""
    lines = [] if found is None else agreement_lines(found)
    if not lines:
        return
    st.header("Agreement")
    st.markdown("\n".join(f"- {line}" for line in lines))
    st.caption(
        "1 is full agreement, 0 what chance alone gives. In brackets: 95 % interval, by patient. "
        "`overread agreement STUDY` prints every coefficient."
    )


def agreement_lines(found: StudyAgreement) -> list[str]:
    """Sentences, as Markdown."""
    lines = []
    readers = found.between_readers
    if readers is not None and readers.krippendorff_alpha.num_samples:
        lines += [_between("readers", readers), *_differences(readers)]
    raters = found.panels.get(RATERS, None if found.readers else found.everyone)
    if raters is not None and raters.krippendorff_alpha.num_samples:
        lines.append(_between("the source's raters", raters))
    num_again = sum(pair.kappa.num_samples for pair in found.consistency)
    if num_again:
        num_same = sum(pair.share_equal * pair.kappa.num_samples for pair in found.consistency)
        lines.append(
            f"Readers gave the same label again to {num_same / num_again:.0%} of "
            f"{counted(num_again, 'image')} that came twice."
        )
    if lines and found.num_reader_labels:
        num_labels = counted(found.num_reader_labels, "label")
        lines.append(
            f"{found.num_blind:,} of the readers' {num_labels} were read blind, the others with the labels in view."
        )
    return lines


def _between(who: str, panel: Agreement) -> str:
    pairs = [pair for pair in panel.pairs if pair.second != GIVEN_LABEL]
    name, value = (
        ("Cohen's kappa", pairs[0].kappa) if len(pairs) == 1 else ("Krippendorff's alpha", panel.krippendorff_alpha)
    )
    images = f"{counted(value.num_samples, 'image')} read by two{'' if len(pairs) == 1 else ' or more'}"
    if not math.isfinite(value.value):
        return f"Between {who}: not defined, as all their labels on {images} are the same."
    return f"Between {who}: {name} **{value.value:.2f}**{_interval(value)} on {images}."


def _interval(value: Estimate) -> str:
    return f" ({value.low:.2f} to {value.high:.2f})" if math.isfinite(value.low) else ""


def _differences(panel: Agreement) -> list[str]:
    if not panel.num_disputed:
        return []
    label, share = max(panel.share_disputed.items(), key=lambda item: item[1])
    images = counted(panel.num_disputed, "image")
    return [f"They differ on {images}, most often on those given as {plain_text(label)} ({share:.0%} of these)."]
