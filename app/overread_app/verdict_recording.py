"""A reader's verdicts on their way into the ledger: each is recorded once, or the page says why it was not."""

from collections.abc import Callable

from overread.errors import LedgerBusyError, StaleVerdictError
from overread.records import Decision, Proposal, Verdict, VerdictKind
from overread.studies.study import Study
from overread_app import session, study_data
from overread_app.boundary import error_text
from overread_app.reading_list import ReadingList
from overread_app.visit import Visit, end_visit, takes_press


def decide(study: Study, proposal: Proposal, visit: Visit, kind: VerdictKind, chosen: str) -> None:
    """Record a verdict on the visit's sample and step on from it; nothing if the visit is over or has just begun."""
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
    """Take back the last verdict: its sample comes up again. A second press takes no second verdict back."""
    if visit is not None and not takes_press(visit):
        return
    shown_key = last.verdict.idempotency_key

    def take_back() -> None:
        # Named for what it undoes: the same press twice is the same undo.
        if study_data.ledger(study).undo(reader, f"undo {shown_key}", shown_key=shown_key) is None:
            raise StaleVerdictError("another verdict was recorded in another window; nothing was undone")
        ReadingList(reader, study.ledger_study, session.current_run().name).hold(last.verdict.sample_id)
        session.put("review_note", (last.verdict.sample_id, last.verdict.note))

    attempt(take_back)


def attempt(write: Callable[[], object], *, pending: Verdict | None = None) -> None:
    """Write to the ledger and end the visit; the sample stays, with a word why, if it could not be written.

    pending: what is sent again, once, where the ledger is busy.
    """
    for name in ("review_problem", "review_pending", "review_stale"):
        session.put(name, None)
    try:
        write()
    except LedgerBusyError as error:
        session.put("review_problem", None if pending else error_text(error))
        session.put("review_pending", pending)
    except StaleVerdictError as error:
        # What was decided elsewhere stands in the ledger, and is what the page goes on from.
        session.put("review_stale", error_text(error))
        end_visit()
    except Exception as error:  # a callback: no boundary is around it
        session.put("review_problem", error_text(error))
    else:
        end_visit()
