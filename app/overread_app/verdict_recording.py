"""Records a reader's verdicts in the ledger: each one once, or the page says why it could not."""

from collections.abc import Callable

from overread.errors import LedgerBusyError, StaleVerdictError
from overread.records import Decision, Proposal, Verdict, VerdictKind
from overread.studies.study import Study
from overread_app import session, study_data
from overread_app.boundary import error_text
from overread_app.reading_list import ReadingList
from overread_app.visit import Visit, end_visit, takes_press


def decide(study: Study, proposal: Proposal, visit: Visit, kind: VerdictKind, chosen: str) -> None:
    """Record a verdict on the visit's sample and move on; does nothing if the visit is over or has just begun."""
    if not takes_press(visit):
        return
    verdict = Verdict(
        sample_id=visit.sample_id,
        reader=visit.reader,
        kind=kind,
        given_label=proposal.given_label,
        proposed_label=proposal.proposed_label,
        chosen_label=chosen,
        run=visit.run,
        score=proposal.label_error_probability,
        idempotency_key=visit.idempotency_key,
        note=(session.field_value(visit.note_key) or "").strip(),
        elapsed_ms=visit.elapsed_ms,
        image_sha256=visit.image_sha256,
    )
    attempt(lambda: study_data.ledger(study).record(verdict), pending=verdict)


def undo(study: Study, reader: str, last: Decision, visit: Visit | None) -> None:
    """Undo the last verdict: its sample is shown again. A second press does not undo a second verdict."""
    if visit is not None and not takes_press(visit):
        return
    shown_key, run = last.verdict.idempotency_key, session.current_run()

    def undo_last() -> None:
        # Its key names the verdict that it undoes: the same press twice is the same undo.
        if study_data.ledger(study).undo(reader, f"undo {shown_key}", shown_key=shown_key) is None:
            raise StaleVerdictError("another verdict was recorded in another window; nothing was undone")
        ReadingList(reader, study.ledger_study, last.verdict.run if run is None else run.name).hold(
            last.verdict.sample_id
        )
        session.put("review_note", (last.verdict.sample_id, last.verdict.note))

    attempt(undo_last)


def attempt(write: Callable[[], object], *, pending: Verdict | None = None) -> None:
    """Write to the ledger and end the visit; if that fails, the sample stays, with a message.

    pending: the verdict to send again, once, if the ledger is busy.
    """
    for name in ("review_problem", "review_pending", "review_stale"):
        session.put(name, None)
    try:
        write()
    except LedgerBusyError as error:
        session.put("review_problem", None if pending else error_text(error))
        session.put("review_pending", pending)
    except StaleVerdictError as error:
        # The ledger has what was decided in another window, and the page continues from there.
        session.put("review_stale", error_text(error))
        end_visit()
    except Exception as error:  # a callback: no boundary is around it
        session.put("review_problem", error_text(error))
    else:
        end_visit()
