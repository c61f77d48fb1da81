"""The routes of the gallery: samples by their places in the order of review, verdicts in bulk and their undo."""

from starlette.responses import Response
from starlette.routing import Route, Router

from overread.records import Verdict, VerdictKind
from overread.review.bulk import bulk_key, record_bulk, undo_bulk
from overread.review.row_rules import BULK
from overread.studies.study import open_study
from overread_app.components.sample_card import joined
from overread_app.gallery.tiles import last_bulk, packed, tiles
from overread_app.reading.packets import Json
from overread_app.reading.reader_state import Standing
from overread_app.reading.requests import (
    BulkRequest,
    RequestError,
    bulk_request,
    tiles_request,
    undo_bulk_request,
)
from overread_app.reading.routes import answering
from overread_app.reading.seat import Seat
from overread_app.sign_in.gate import NOT_KEPT
from overread_app.words.worded_error import WordedError


def send_tiles(seat: Seat, content: bytes) -> Response:
    """A range of the samples, with or without their images (`tiles.packed`)."""
    _check_open(seat)
    asked, standing = tiles_request(content), seat.state.current()
    seat.claim_next(standing)
    order = seat.order(standing).sample_ids
    ids = asked.ids or order[asked.start : asked.start + asked.count]
    head = {"total": len(order), "tiles": tiles(seat, ids, standing), "last": last_bulk(standing, seat.words)}
    content = packed(seat.room, head, ids if asked.has_images else ())
    # Streamlit's server would compress it, and nearly all of it is JPEG.
    headers = NOT_KEPT | {"Content-Encoding": "identity"}
    return Response(content, media_type="application/octet-stream", headers=headers)


def record_verdicts(seat: Seat, content: bytes) -> Json:
    """Record one verdict on several samples, a row for each, once. Those that are refused are listed with the reason;
    the others are on the disk when this returns. Where little is left of the reader's share, they get more."""
    _check_open(seat)
    asked, standing, words = bulk_request(content), seat.state.current(), seat.words
    if asked.kind is VerdictKind.RELABEL and asked.chosen_label not in seat.room.study.classes:
        raise RequestError("chosen_label")
    critical = set(open_study(seat.room.study.path).critical_classes)
    verdicts, refused = [], {}
    for sample_id in asked.follows:
        verdict = _verdict(seat, asked, sample_id)
        if verdict is None:
            refused[sample_id] = words("gallery_page.no_likely")
        elif names := _critical_change(verdict, standing, critical):
            refused[sample_id] = words("gallery_page.critical", names=joined(names, words, "gallery_page.and"))
        else:
            verdicts.append(verdict)
    outcome = record_bulk(seat.ledger, verdicts)
    refused |= dict.fromkeys(outcome.stale, words("gallery_page.stale"))
    standing = seat.state.current()
    seat.renew()
    seat.claim_next(standing)
    return {
        "total": len(seat.order(standing).sample_ids),
        "saved": tiles(seat, outcome.recorded, standing),
        "refused": [tile | {"reason": refused[tile["id"]]} for tile in tiles(seat, list(refused), standing)],
        "last": last_bulk(standing, words),
    }


def _verdict(seat: Seat, asked: BulkRequest, sample_id: str) -> Verdict | None:
    """None where the sample has no likely label to change to. Raises UserError where the room has not got it."""
    room, reader = seat.room, seat.ticket.reader
    row = room.row(sample_id)
    given, likely = room.given[row], room.likely[row]
    labels = {VerdictKind.ACCEPT: likely, VerdictKind.REJECT: given, VerdictKind.RELABEL: asked.chosen_label}
    chosen = labels[asked.kind]
    if not chosen:
        return None
    kinds = {given: VerdictKind.REJECT, likely: VerdictKind.ACCEPT} | {given: VerdictKind.REJECT}
    return Verdict(
        sample_id=sample_id,
        reader=reader,
        kind=kinds.get(chosen, VerdictKind.RELABEL),
        given_label=given,
        proposed_label=likely,
        chosen_label=chosen,
        run=room.run,
        score=float(room.probability[row]),
        idempotency_key=bulk_key(reader, sample_id, asked.bulk),
        protocol=BULK,
        follows=asked.follows[sample_id],
        image_sha256=room.hashes[row],
    )


def _critical_change(verdict: Verdict, standing: Standing, critical: set[str]) -> list[str]:
    """The critical classes that a verdict would change the label from or to; what stands already is no change."""
    decision = standing.decision(verdict.sample_id)
    before = verdict.given_label if decision is None else decision.verdict.chosen_label
    is_recorded = decision is not None and decision.verdict.idempotency_key == verdict.idempotency_key
    if before == verdict.chosen_label or is_recorded:
        return []
    return sorted(critical & {verdict.given_label, before, verdict.chosen_label})


def undo_verdicts(seat: Seat, content: bytes) -> Json:
    """Undo the reader's verdicts of a bulk that stand."""
    _check_open(seat)
    undone = undo_bulk(seat.ledger, seat.ticket.reader, undo_bulk_request(content))
    standing = seat.state.current()
    ids = [each.verdict.sample_id for each in undone if each.verdict.sample_id in seat.room.rows]
    return {"undone": tiles(seat, ids, standing), "last": last_bulk(standing, seat.words)}


def _check_open(seat: Seat) -> None:
    """Raise UserError where labels may not be shown before an image was read."""
    if seat.room.is_blind:
        raise WordedError("gallery_page.blind")


ROUTER = Router(
    [
        Route("/tiles", answering(send_tiles), methods=["POST"]),
        Route("/verdict", answering(record_verdicts), methods=["POST"]),
        Route("/undo", answering(undo_verdicts), methods=["POST"]),
    ]
)
