"""Verdicts on the made study's proposals."""

from dataclasses import replace

from overread.pipeline.study_ledger import open_ledger
from overread.records import Verdict, VerdictKind
from overread.review.ledger import Ledger
from overread.studies.run import open_run
from overread.studies.study import Study


def verdicts(study: Study, *, reader: str, number: int, kind: VerdictKind = VerdictKind.ACCEPT) -> list[Verdict]:
    """One reader's verdicts on the first `number` proposals, all of one kind."""
    run = open_run(study)
    scores = run.scores()
    made = []
    for row in scores[scores["is_proposed"]].head(number).itertuples():
        chosen = {VerdictKind.ACCEPT: row.proposed_label, VerdictKind.EXCLUDE: ""}.get(kind, row.given_label)
        made.append(
            Verdict(
                sample_id=row.sample_id,
                reader=reader,
                kind=kind,
                given_label=row.given_label,
                proposed_label=row.proposed_label,
                chosen_label=chosen,
                run=run.name,
                score=row.label_error_probability,
                idempotency_key=f"{reader} {row.sample_id}",
            )
        )
    return made


def dispute(study: Study, *, number: int, note: str = "") -> Ledger:
    """The study's ledger, in which Ann and Ben differ on so many samples. note: Ben's."""
    ledger = open_ledger(study)
    for verdict in verdicts(study, reader="Ann", number=number):
        ledger.record(verdict)
    for verdict in verdicts(study, reader="Ben", number=number, kind=VerdictKind.REJECT):
        ledger.record(replace(verdict, note=note))
    return ledger
