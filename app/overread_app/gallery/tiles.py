"""What the gallery shows of samples: small images, labels and the reader's own verdict so far."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import takewhile

from overread.errors import StudyError
from overread.records import Decision, VerdictKind
from overread.review.bulk import bulk_name
from overread.review.row_rules import BULK
from overread_app import study_data
from overread_app.components.evidence_panel import jpeg, small_image
from overread_app.components.verdict_words import verdict_names
from overread_app.reading.packets import Json, verdict_words
from overread_app.reading.reader_state import Standing
from overread_app.reading.room import Room
from overread_app.reading.seat import Seat
from overread_app.words.catalogue import Words

SIDE_PX = 224
"""Of an image, at most."""


def tiles(seat: Seat, sample_ids: Sequence[str], standing: Standing) -> list[Json]:
    """One for each sample. Raises UserError where the room has not got it."""
    names = verdict_names(seat.words)
    return [_tile(seat.room, sample_id, standing, names) for sample_id in sample_ids]


def _tile(room: Room, sample_id: str, standing: Standing, names: Mapping[VerdictKind, str]) -> Json:
    row, decision = room.row(sample_id), standing.decision(sample_id)
    return {
        "id": sample_id,
        "given": room.given[row],
        "likely": room.likely[row],
        "isProposed": bool(room.is_proposed[row]) and bool(room.run),
        "follows": standing.keys.get(sample_id, ""),
        "verdict": None if decision is None else _verdict(decision, names),
    }


def _verdict(decision: Decision, names: Mapping[VerdictKind, str]) -> Json:
    """The verdict beside the given label: to the other label, or what was decided instead."""
    verdict = decision.verdict
    is_change = verdict.kind in (VerdictKind.ACCEPT, VerdictKind.RELABEL)
    text = verdict.chosen_label if is_change else names[verdict.kind]
    return {"label": verdict.chosen_label, "text": text, "isBulk": verdict.protocol == BULK}


def packed(room: Room, head: Json, sample_ids: Sequence[str]) -> bytes:
    """The head as a line of JSON with the sizes of the samples' images in bytes, then these as JPEG, one after the
    other; of size 0 where the pixel cache does not have it."""
    images = thumbnails(room, sample_ids)
    line = json.dumps(head | {"sizes": [len(image) for image in images]})
    return b"".join([line.encode(), b"\n", *images])


def thumbnails(room: Room, sample_ids: Sequence[str]) -> list[bytes]:
    """Of the pixel cache, as JPEG: only pixels, no names and no tags."""
    try:
        cache = study_data.load_pixels(room.study.pixels_path)
    except StudyError:  # it may be deleted at any time
        return [b""] * len(sample_ids)
    images = []
    for sample_id in sample_ids:
        try:
            images.append(jpeg(small_image(cache.image(sample_id), SIDE_PX)))
        except StudyError:
            images.append(b"")
    return images


def last_bulk(standing: Standing, words: Words) -> Json | None:
    """The bulk that the reader's last verdict belongs to, in words; None if that was a single one."""
    last = standing.last
    if last is None or last.verdict.protocol != BULK:
        return None
    name = bulk_name(last.verdict.idempotency_key)
    newest_first = reversed(standing.verdicts.values())
    of_bulk = list(takewhile(lambda each: bulk_name(each.verdict.idempotency_key) == name, newest_first))
    (text, _), *others = Counter(verdict_words(each, words) for each in of_bulk).most_common()
    key = "verdict.bulk_more" if others else "verdict.bulk"
    return {"name": name, "text": words(key, number=len(of_bulk), verdict=text, more=len(others))}
