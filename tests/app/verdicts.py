"""Verdicts on the made study's proposals."""

from overread.records import Verdict, VerdictKind
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
