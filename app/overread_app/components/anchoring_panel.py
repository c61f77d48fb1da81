"""What became of a reader's blind readings, as a part of the Insights page."""

import streamlit as st

from overread.records import Protocol
from overread.review.anchoring import Anchoring, anchoring
from overread.studies.study import Study
from overread_app import session, study_data
from overread_app.components.wording import counted

FEW = 30
"""With fewer readings, the shares are no more than a hint."""


def show_anchoring(study: Study) -> None:
    """How often the reader's verdicts kept their own readings; nobody else's. Nothing where there is no reading, in a
    study that is not read blind first."""
    reader = session.reader_name()
    ledger = session.ledger(study)
    readings = ledger.readings(reader) if reader else []
    if not readings and study.protocol != Protocol.BLIND:
        return
    st.header("Your readings and verdicts")
    found = anchoring(readings, ledger.decisions(reader) if reader else [], study_data.load_truth(study))
    if not found.num_readings:
        st.caption("Label images on the Review page to see here how often you changed your mind.")
        return
    st.markdown("\n".join(f"- {line}" for line in anchoring_lines(found)))
    st.caption(
        f"Of {counted(found.num_readings, 'image')} that you labelled alone and then decided with the labels in view. "
        + ("With so few, this is no more than a hint. " if found.num_readings < FEW else "")
        + ("What the demo’s images show is known, since they are drawn." if found.num_right + found.num_wrong else "")
    )


def anchoring_lines(found: Anchoring) -> list[str]:
    """The numbers in words, as Markdown; found: of at least one reading."""

    def share(num: int, total: int, those: str = "") -> str:
        return f"**{num:,}** of {total:,}{those} ({100 * num / total:.0f} %)"

    lines = [f"Kept your own label: {share(found.num_kept, found.num_readings)}"]
    if found.num_against_model:
        moved = share(found.num_to_model, found.num_against_model, " that differed from it")
        lines.append(f"Moved to the model’s label: {moved}")
    lines.append(f"Moved to the given label: {share(found.num_to_given, found.num_readings)}")
    if found.num_to_other:
        lines.append(f"Moved to another label: {share(found.num_to_other, found.num_readings)}")
    if found.num_right:
        lines.append(f"Right readings turned wrong: {share(found.num_right_turned_wrong, found.num_right)}")
    if found.num_wrong:
        lines.append(f"Wrong readings mended: {share(found.num_wrong_mended, found.num_wrong)}")
    return lines
