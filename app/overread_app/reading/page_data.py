"""What the page hands to the reading component: the ticket for the routes, and what is the same for all samples."""

import hashlib
from contextlib import suppress
from dataclasses import asdict, dataclass

import streamlit as st

from overread.errors import LedgerFaultError
from overread.records import Protocol
from overread.review.assignment import current_assignment
from overread.review.queue_choice import QueueChoice, blind_choice
from overread.studies.run import Run
from overread.studies.study import Study
from overread_app import session, study_data
from overread_app.components.charts import class_colours
from overread_app.components.verdict_words import NUM_KEYS, offered_grades, offered_verdicts
from overread_app.reading.open_rooms import room_stamp
from overread_app.reading.packets import Json
from overread_app.reading.routes import know_study
from overread_app.reading.tickets import Ticket, expiry, sign
from overread_app.reading.tour import tour_data

SECTIONS = ("server", "image", "keys", "panel", "saved", "decided", "tour")
"""Of the catalogue, those that the browser needs."""


@dataclass(frozen=True, slots=True)
class Jump:
    """A sample to go to, once."""

    sample_id: str
    number: int
    """Another for each time; not above 2**53."""


def component_data(
    study: Study,
    run: Run | None,
    reader: str,
    *,
    choice: QueueChoice | None = None,
    since: int = 0,
    jump: Jump | None = None,
) -> Json:
    """The component's data, the same each time the page is drawn. Only for a reader whose code was checked.

    run: None: the samples are read without a model. choice: None: the run's own proposals; since: how many verdicts the
    reader had given when it was chosen. jump: the sample to go to. Raises RunReplacedError where the run's scores are
    gone.
    """
    know_study(study)
    words = session.words()
    choice = choice or QueueChoice()
    ticket = Ticket(
        study=session.study_address(study.path),
        run=run.name if run else "",
        reader=reader,
        choice=blind_choice(choice) if study.protocol == Protocol.BLIND else choice,
        since=since,
        expires_s=expiry(),
        stamp=room_stamp(study, run),
        language=words.language,
    )
    base = st.get_option("server.baseUrlPath").strip("/")
    identity = "\n".join((reader, study.ledger_study, ticket.run))
    colours = class_colours(study.classes)
    texts = words.sections(*SECTIONS)
    with suppress(LedgerFaultError):  # the component stays, and tells of it itself
        if current_assignment(study_data.ledger(study)) is not None:
            texts["panel.reviewed"] = texts["panel.share"]
    return {
        "base": f"/{base}/reading" if base else "/reading",
        "ticket": sign(ticket, study.key()),
        "classes": [
            {"name": name, "colour": colours[name], "key": str(number) if number <= NUM_KEYS else ""}
            for number, name in enumerate(study.classes, 1)
        ],
        "verdicts": offered_verdicts(words),
        "grades": offered_grades(words) if study.asks_grades else [],
        "isDemo": study.is_demo,
        "tour": tour_data(study) if run and study.protocol == Protocol.OPEN else None,
        "jump": jump and asdict(jump),
        "language": words.language,
        "words": texts,
        "storage": "overread." + hashlib.sha256(identity.encode()).hexdigest()[:16],
    }
