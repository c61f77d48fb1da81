"""What the browser gets of a sample, of a reader's last verdict and of their progress, as JSON.

All texts are plain: names may contain anything, and the browser shows them as they are.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from overread.detection.calibration import recalibrated
from overread.errors import StudyError
from overread.records import Decision, VerdictKind
from overread.review.chain import LedgerRow
from overread.review.outcomes import IS_ERROR, counts
from overread_app.components.charts import class_colours
from overread_app.components.evidence_panel import thumbnails
from overread_app.components.sample_card import kind_words, likelihood
from overread_app.components.scorer_votes import VIEWS, consensus_words, vote
from overread_app.reading.reader_state import Standing
from overread_app.reading.room import Room
from overread_app.words.catalogue import Words

NUM_SIMILAR = 6
MAX_SAME = 2
"""Of them, near-duplicates of the sample."""

Json = dict[str, Any]


def packets(room: Room, sample_ids: Sequence[str], standing: Standing, words: Words) -> list[Json]:
    """All that is shown of each sample but its image, as if it were not decided; where images are labelled alone
    first, nothing of one that the reader has not labelled. Raises UserError where the room has not got a sample."""
    rows = [room.row(sample_id) for sample_id in sample_ids]

    def is_hidden(row: int) -> bool:
        return room.is_hidden(row, standing.revealed)

    probability, num_verdicts = corrected_probability(room, rows, standing)
    follows = [standing.keys.get(sample_id, "") for sample_id in sample_ids]
    return [
        {
            **(
                {"id": room.ids[row], "isBlind": True, "similar": []}
                if room.is_blind and room.ids[row] not in standing.revealed
                else _packet(room, row, words, float(chance), is_corrected=num_verdicts > 0, is_hidden=is_hidden)
            ),
            "image": room.image_version(row),
            "reading": reading_words(standing.readings.get(room.ids[row]), words),
            "follows": key,
            "note": "",
            "grade": "",
            "standing": "",
        }
        for row, chance, key in zip(rows, probability, follows, strict=True)
    ]


def _packet(
    room: Room,
    row: int,
    words: Words,
    probability: float,
    *,
    is_corrected: bool,
    is_hidden: Callable[[int], bool],
) -> Json:
    """is_hidden: whether nothing may be told of a row."""
    title, other_title = words("evidence.differ"), words("evidence.model")
    if not room.run:
        return _unread_packet(room, row, words)
    if room.drawn is not None:  # what is true of every image does not tell which were drawn at random
        title, other_title = words("evidence.drawn"), words("evidence.likely")
    elif not room.is_proposed[row]:
        title, other_title = words("evidence.below"), words("evidence.likely")
    # No digits near 0 and 1, where they would claim too much.
    details = [words.number(probability, decimals=2)] if 0.025 <= probability < 0.985 else []
    details += [words("evidence.corrected")] if is_corrected else []
    return {
        "id": room.ids[row],
        "given": class_label(room, room.given[row]),
        "other": class_label(room, room.likely[row]),
        "isProposed": bool(room.is_proposed[row]),
        "title": title,
        "otherTitle": other_title,
        "kind": _kind(room, row, words, is_hidden),
        "chance": likelihood(probability, words),
        "chanceDetail": ", ".join(details),
        "probs": [round(float(value), 4) for value in room.probs[row]],
        "votes": _votes(room, row, words, is_hidden),
        "consensus": consensus_words(room.consensus[row], room.consensus_of[row], words),
        **_similar(room, row, words, is_hidden),
    }


def _unread_packet(room: Room, row: int, words: Words) -> Json:
    """Of a sample that no model has read."""
    return {
        "id": room.ids[row],
        "given": class_label(room, room.given[row]),
        "other": class_label(room, ""),
        "isProposed": True,
        "title": words("evidence.unread"),
        "otherTitle": "",
        "kind": "",
        "chance": "",
        "chanceDetail": "",
        "probs": [],
        "votes": [],
        "consensus": "",
        "similar": [],
        "similarSaid": "",
    }


def last_verdict(standing: Standing, words: Words) -> Json | None:
    """The reader's last verdict in words; None before the first."""
    last = standing.last
    if last is None:
        return None
    return {"key": last.verdict.idempotency_key, "sampleId": last.verdict.sample_id, "text": verdict_words(last, words)}


def reading_words(reading: LedgerRow | None, words: Words) -> str:
    """A reader's blind reading in words: its label, or why there is none; empty before the first."""
    if reading is None or reading.chosen_label:
        return reading.chosen_label if reading else ""
    return words(f"verdict.{reading.verdict}")


def verdict_words(decision: Decision, words: Words) -> str:
    """A verdict in words: a → b (few miss it, major); a, kept."""
    verdict = decision.verdict
    given, chosen = verdict.given_label, verdict.chosen_label
    match verdict.kind:
        case VerdictKind.ACCEPT | VerdictKind.RELABEL if verdict.grade:
            return words("verdict.changed_graded", given=given, chosen=chosen, grade=words(f"grade.{verdict.grade}"))
        case VerdictKind.ACCEPT | VerdictKind.RELABEL:
            return words("verdict.changed", given=given, chosen=chosen)
        case VerdictKind.REJECT:
            return words("verdict.kept", given=given)
        case kind:
            return words(f"verdict.other_{kind.value}", given=given)


def corrected_probability(room: Room, rows: Sequence[int], standing: Standing) -> tuple[np.ndarray, int]:
    """(len(rows),): the probabilities that their given labels are wrong, recalibrated by the reader's own verdicts, and
    the number of these; as the run has them, and 0, while the verdicts are too few.

    The same as `recalibrated` gives for the whole run, from the decided rows and these alone.
    """
    found = [
        (decided, IS_ERROR[decision.verdict.kind])
        for decision in standing.decisions
        if (decided := room.rows.get(decision.verdict.sample_id, -1)) >= 0
        and counts(decision.verdict, run=room.run, given_label=room.given[decided])
    ]
    if not rows or len(found) < room.calibration.min_verdicts:
        return room.probability[rows], 0
    decided_rows, is_error = zip(*found, strict=True)
    probability = room.probability[[*decided_rows, *rows]]
    places = np.arange(len(found))
    corrected = recalibrated(probability, places, np.array(is_error, dtype=bool), room.calibration)
    return corrected[len(found) :], len(found)


def class_label(room: Room, label: str) -> Json:
    """A class with its colour, which is transparent where the study does not have the class."""
    return {"label": label, "colour": class_colours(room.study.classes).get(label, "transparent")}


def _kind(room: Room, row: int, words: Words, is_hidden: Callable[[int], bool]) -> str:
    same = room.given[_visible(_duplicates(room, row), is_hidden)]
    return kind_words(
        room.kinds[row],
        words,
        probs=dict(zip(room.study.classes, room.probs[row].tolist(), strict=True)),
        same_labels=[label for label in same if label != room.given[row]],
    )


def _votes(room: Room, row: int, words: Words, is_hidden: Callable[[int], bool]) -> list[Json]:
    scores = dict(zip(room.scorers, room.scores[row].tolist(), strict=True))
    # Duplicates that agree are no evidence: labels are copied together with images.
    if not scores.get("duplicates") or any(is_hidden(each) for each in room.duplicates.others(row).tolist()):
        scores.pop("duplicates", None)
    views = {name: words(f"evidence.{view}") for name, view in VIEWS.items()}
    return [{"view": view, "vote": vote(scores[name])} for name, view in views.items() if name in scores]


def _similar(room: Room, row: int, words: Words, is_hidden: Callable[[int], bool]) -> Json:
    """The most similar images, the nearest first: near-duplicates, then those of other patients and slides."""
    if not room.has_evidence:
        return {"similar": [], "similarSaid": ""}
    same, others = _visible(_duplicates(room, row), is_hidden)[:MAX_SAME], _visible(room.neighbours[row], is_hidden)
    rows = np.concatenate([same, others[others >= 0]])[:NUM_SIMILAR]
    labels, ids = room.given[rows].tolist(), tuple(room.ids[rows].tolist())
    try:
        thumbs = thumbnails(room.study.pixels_path, ids)
    except StudyError:  # the cache may be deleted at any time
        thumbs = ("",) * len(ids)
    near, far = _tally(labels[: len(same)], words), _tally(labels[len(same) :], words)
    said = words("evidence.near_and_far", near=near, far=far) if len(same) else words("evidence.far", far=far)
    similar = [
        {
            "id": sample_id,
            "image": room.image_version(row),
            "thumb": thumb,
            **class_label(room, label),
            "isSame": place < len(same),
        }
        for place, (row, sample_id, thumb, label) in enumerate(zip(rows, ids, thumbs, labels, strict=True))
    ]
    return {"similar": similar, "similarSaid": said}


def _visible(rows: np.ndarray, is_hidden: Callable[[int], bool]) -> np.ndarray:
    return np.array([row for row in rows.tolist() if not is_hidden(row)], dtype=np.int64)


def _duplicates(room: Room, row: int) -> np.ndarray:
    """The rows of a row's near-duplicates, those with another given label first."""
    rows = room.duplicates.others(row)
    return rows[np.argsort(room.given[rows] == room.given[row], kind="stable")]


def _tally(labels: Iterable[str], words: Words) -> str:
    return ", ".join(f"{count} {label}" for label, count in Counter(labels).most_common()) or words("evidence.none")
