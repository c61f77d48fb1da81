"""What a reader has decided, to look through and open again."""

from collections.abc import Iterator
from itertools import islice

from overread.errors import StudyError
from overread.records import Decision
from overread_app.components.evidence_panel import thumbnails
from overread_app.components.verdict_words import verdict_names
from overread_app.reading.packets import Json, class_label, verdict_words
from overread_app.reading.reader_state import Standing
from overread_app.reading.requests import DecidedRequest
from overread_app.reading.seat import Seat
from overread_app.words.catalogue import Words


def decided_samples(seat: Seat, asked: DecidedRequest, standing: Standing) -> Json:
    """The reader's verdicts on the room's samples, the newest first, and where the next ones begin (None: nowhere).

    A sample that is due to be decided again as if it were new is not among them.
    """
    room, repeats = seat.room, set(seat.repeats(standing))
    found: Iterator[Decision] = (
        decision
        for decision in sorted(standing.decisions, key=lambda decision: -standing.place(decision))
        if decision.verdict.sample_id in room.rows
        and decision.verdict.sample_id not in repeats
        and (asked.after is None or standing.place(decision) < asked.after)
        and _fits(decision, asked.search.casefold(), seat.words)
    )
    shown = list(islice(found, asked.count))
    return {
        "decided": [_entry(seat, decision) for decision in shown],
        "next": standing.place(shown[-1]) if shown and any(True for _ in found) else None,
    }


def _fits(decision: Decision, search: str, words: Words) -> bool:
    verdict = decision.verdict
    name = verdict_names(words)[verdict.kind]
    texts = (verdict.given_label, verdict.chosen_label, name, verdict.sample_id, verdict.note)
    return any(search in text.casefold() for text in texts)


def _entry(seat: Seat, decision: Decision) -> Json:
    verdict = decision.verdict
    try:
        (thumb,) = thumbnails(seat.room.study.pixels_path, (verdict.sample_id,))
    except StudyError:  # there is no pixel cache, or none with this sample
        thumb = ""
    return {
        "id": verdict.sample_id,
        "thumb": thumb,
        "text": verdict_words(decision, seat.words),
        "colour": class_label(seat.room, verdict.chosen_label)["colour"],
        "note": verdict.note,
    }
