"""The routes of reading, beside Streamlit's in the same server: samples, their images, readings, verdicts and undos.

Each request bears a ticket (tickets.py). The work is done in threads, since it waits for files and the ledger.
"""

import json
from collections.abc import Awaitable, Callable
from itertools import islice
from pathlib import Path
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, Router

from overread.errors import LedgerFaultError, StudyError
from overread.records import Protocol, Reading, Verdict, VerdictKind
from overread.review.ledger import visit_key
from overread.studies.run import Run
from overread.studies.study import Study, open_study
from overread_app import session, study_data
from overread_app.reading.decided import decided_samples
from overread_app.reading.open_rooms import RunReplacedError, open_room, room_stamp
from overread_app.reading.packets import Json
from overread_app.reading.reader_state import Standing, reader_state
from overread_app.reading.refusals import NotUndoneError, SampleChangedError, refused
from overread_app.reading.requests import (
    MAX_BYTES,
    QueueRequest,
    RequestError,
    Shown,
    decided_request,
    queue_request,
    reading_request,
    undo_request,
    verdict_request,
)
from overread_app.reading.room import MissingImageError, Room
from overread_app.reading.seat import Seat
from overread_app.reading.tickets import TicketError, claimed_language, claimed_study, verify
from overread_app.sign_in.gate import NOT_KEPT
from overread_app.starting_theme import ACTOR
from overread_app.viewer.viewer import EncodedImage, encoded_image
from overread_app.words.catalogue import Words, words_in
from overread_app.words.worded_error import WordedError

IMAGE_MAX_AGE_S = 3600
_made: dict[str, Path] = {}
"""The folders of studies that a page of this server has shown, by address: among them those made in a session."""


def know_study(study: Study) -> None:
    """Let this server's routes open a study that a page shows."""
    _made[session.study_address(study.path)] = study.path


def next_samples(seat: Seat, content: bytes) -> Json:
    """The next samples that wait for the reader, in the order of review."""
    asked = queue_request(content)
    seat.state.later = asked.later
    standing = seat.state.current()
    seat.claim_next(standing)
    passed = asked.have if asked.first is None else asked.have | {asked.first}
    following = (sample_id for sample_id in seat.waiting(standing) if sample_id not in passed)
    first = [asked.first] if asked.first is not None and _is_first_shown(seat, asked, standing) else []
    ids = [*first, *islice(following, asked.count)][: asked.count]
    told = seat.summary(standing)
    left = told["progress"]["total"] - told["progress"]["decided"]
    return {"samples": seat.packets(ids, standing), **told, "left": left}


def _is_first_shown(seat: Seat, asked: QueueRequest, standing: Standing) -> bool:
    sample_id = asked.first or ""
    is_open = asked.follows in (None, standing.keys.get(sample_id, ""))
    return is_open and seat.room.may_open(sample_id, standing.revealed) and sample_id not in asked.have


def last_decided(seat: Seat, content: bytes) -> Json:
    """The reader's verdicts, the newest first."""
    return decided_samples(seat, decided_request(content), seat.state.current())


def record_verdict(seat: Seat, content: bytes) -> Json:
    """Record a verdict, once for each visit: when this returns, it is on the disk."""
    asked = verdict_request(content)
    room, ticket = seat.room, seat.ticket
    row = room.row(asked.sample_id)
    if asked.kind in (VerdictKind.ACCEPT, VerdictKind.RELABEL) and asked.chosen_label not in room.study.classes:
        raise RequestError("chosen_label")
    key, standing = visit_key(ticket.reader, asked.sample_id, asked.visit), seat.state.current()
    if asked.shown != shown_of(room, row) and key not in standing.verdicts:
        raise SampleChangedError
    if room.is_blind and asked.sample_id not in standing.revealed:
        raise WordedError("error.label_first")
    is_read_blind = room.is_blind and asked.sample_id in standing.readings
    seat.ledger.record(
        Verdict(
            sample_id=asked.sample_id,
            reader=ticket.reader,
            kind=asked.kind,
            given_label=room.given[row],
            proposed_label=room.likely[row],
            chosen_label=asked.chosen_label,
            run=room.run,
            score=float(room.probability[row]),
            idempotency_key=key,
            protocol=Protocol.BLIND if is_read_blind else Protocol.OPEN,
            note=asked.note,
            elapsed_ms=asked.elapsed_ms,
            follows=asked.follows,
            image_sha256=room.hashes[row],
            grade=asked.grade,
        )
    )
    seat.renew()
    return {"saved": True, "key": key, **seat.summary(seat.state.current())}


def lock_reading(seat: Seat, content: bytes) -> Json:
    """Lock a blind reading, once for each visit, and reveal the sample."""
    asked = reading_request(content)
    room, reader = seat.room, seat.ticket.reader
    row, standing = room.row(asked.sample_id), seat.state.current()
    if not (room.is_blind and room.may_open(asked.sample_id, standing.revealed)):
        raise RequestError("sample_id")
    key, known = visit_key(reader, asked.sample_id, asked.visit), standing.readings.get(asked.sample_id)
    if known is None or known.idempotency_key != key:
        if asked.label and asked.label not in room.study.classes:
            raise RequestError("label")
        if asked.image != room.image_version(row):
            raise SampleChangedError
        reading = Reading(
            sample_id=asked.sample_id,
            reader=reader,
            label=asked.label,
            idempotency_key=key,
            finding=asked.finding,
            protocol=Protocol.BLIND,
            run=room.run,
            elapsed_ms=asked.elapsed_ms,
            image_sha256=room.hashes[row],
        )
        seat.ledger.record_reading(reading)
        seat.renew()
        standing = seat.state.current()
    (revealed,) = seat.packets([asked.sample_id], standing)
    return {"saved": True, "revealed": revealed, **seat.summary(standing)}


def shown_of(room: Room, row: int) -> Shown:
    """What a page shows of a row now."""
    return Shown(given=room.given[row], other=room.likely[row], image=room.image_version(row))


def undo_last(seat: Seat, content: bytes) -> Json:
    """Undo the reader's last verdict, if it is the one that they see; its sample comes back with its note and grade."""
    asked = undo_request(content)
    reader = seat.ticket.reader
    key = visit_key(reader, asked.shown_key, asked.key)
    undone = seat.ledger.undo(reader, key, shown_key=asked.shown_key)
    if undone is None:
        raise NotUndoneError("error.not_undone")
    standing = seat.state.current()
    sample_id = undone.verdict.sample_id
    ids = [sample_id] if sample_id in seat.room.rows else []  # it may be a verdict on an earlier run
    shown = [
        packet | {"note": undone.verdict.note, "grade": undone.verdict.grade} for packet in seat.packets(ids, standing)
    ]
    return {"undone": next(iter(shown), None), **seat.summary(standing)}


async def send_image(request: Request) -> Response:
    """An image's codes, gzipped; what is needed to display them is in the header X-Overread-Image."""

    def encoded() -> EncodedImage:
        room, sample_id = _seat(request).room, request.path_params["sample_id"]
        location = room.image(sample_id)
        if request.query_params.get("v") != room.image_version(room.rows[sample_id]):
            raise MissingImageError("error.image_replaced")
        return encoded_image(location)

    try:
        image = await run_in_threadpool(encoded)
    except Exception as error:
        return refused(error, _words(request))
    headers = {
        "X-Overread-Image": json.dumps(image_spec(image)),
        "Cache-Control": f"private, max-age={IMAGE_MAX_AGE_S}",
        "Vary": "Authorization",
    }
    # A type that Streamlit's server does not compress once more.
    return Response(image.content, media_type="application/gzip", headers=headers)


def image_spec(image: EncodedImage) -> Json:
    """What the browser needs to display the codes."""
    names = ("width", "height", "channels", "type", "scale", "offset", "minimum", "maximum", "center", "window", "voi")
    spec = {name: getattr(image, name) for name in (*names, "windows", "modality", "spacing_mm")}
    flags = {"isInverted": image.is_inverted, "isDicom": image.is_dicom, "isAtDetector": image.is_at_detector}
    return {**spec, **flags}


def answering(handler: Callable[[Seat, bytes], Json | Response]) -> Callable[[Request], Awaitable[Response]]:
    """A handler's route: takes JSON of a limited size, and answers in JSON, unless the handler makes the response."""

    async def respond(request: Request) -> Response:
        try:
            # No other site's page can send this type without the browser's asking first.
            if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
                raise RequestError("content type")
            content = await _body(request)
            answer = await run_in_threadpool(lambda: handler(_seat(request), content))
            return answer if isinstance(answer, Response) else JSONResponse(answer, headers=NOT_KEPT)
        except Exception as error:
            return refused(error, _words(request))

    return respond


async def _body(request: Request) -> bytes:
    content = b""
    async for part in request.stream():
        content += part
        if len(content) > MAX_BYTES:
            raise RequestError("size")
    return content


def _seat(request: Request) -> Seat:
    """What the request's ticket opens, to whom it was issued. Raises NotAllowedError, TicketError, RunReplacedError and
    LedgerError; LedgerFaultError also where the study cannot be opened: its disk may come back."""
    try:
        return _opened_seat(request)
    except StudyError as error:
        raise LedgerFaultError(str(error)) from error


def _opened_seat(request: Request) -> Seat:
    text = _ticket_text(request)
    study = _study(claimed_study(text))
    ticket = verify(text, study.key())
    run = Run(study.runs_path / ticket.run) if ticket.run else None
    if room_stamp(study, run) != ticket.stamp:
        raise RunReplacedError
    ledger = study_data.ledger(study)
    if session.is_served():
        actor = request.scope.get(ACTOR)
        if actor is None or ticket.reader != actor.name:
            raise TicketError("sign_in.ended")
        ledger = ledger.acting(actor)
    return Seat(ticket, open_room(study, run), ledger, reader_state(ledger, ticket.reader))


def _ticket_text(request: Request) -> str:
    """What the request bears as its ticket; empty for none, which is none."""
    scheme, _, text = request.headers.get("authorization", "").partition(" ")
    return text if scheme.lower() == "bearer" else ""


def _words(request: Request) -> Words:
    """For telling the reader why a request is refused."""
    return words_in(claimed_language(_ticket_text(request)))


def _study(address: str) -> Study:
    """Raises TicketError where this server does not show the study."""
    known: dict[str, Any] = {session.study_address(path): path for path in session.served_paths()}
    path = _made.get(address) or known.get(address)
    if path is None:
        raise TicketError("error.not_shown")
    return open_study(path)


ROUTER = Router(
    [
        Route("/queue", answering(next_samples), methods=["POST"]),
        Route("/reading", answering(lock_reading), methods=["POST"]),
        Route("/verdict", answering(record_verdict), methods=["POST"]),
        Route("/decided", answering(last_decided), methods=["POST"]),
        Route("/undo", answering(undo_last), methods=["POST"]),
        Route("/image/{sample_id:path}", send_image, methods=["GET"]),
    ]
)
