"""One decision on a group whose labels stand out: confirmed on a random sample of it, then written for all of it."""

import hashlib
import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from overread.audit.confidence_set import Counts, with_known
from overread.audit.group_bound import CONFIDENCE, MIN_RIGHT, NUM_DRAWN, least_right
from overread.audit.wording import percent
from overread.errors import ConfigError, NotAllowedError, StudyError
from overread.files import write_atomically
from overread.pipeline.study_ledger import open_ledger
from overread.records import Decision, Verdict, VerdictKind
from overread.review.bulk import bulk_key, bulk_name, record_bulk, undo_bulk
from overread.review.roles import Action, Actor, require
from overread.review.row_rules import BULK
from overread.studies.run import open_run
from overread.studies.study import Study, open_study


@dataclass(frozen=True, slots=True)
class GroupDecision:
    """Of one group, in STUDY/audit/groups.json."""

    name: str
    """Made of its samples' ids."""
    run: str
    changes: dict[str, str]
    """Given label to the label that the decision gives it."""
    sample_ids: tuple[str, ...]
    """All of the group's contradicted samples, in a random order: the first `num_drawn` are read."""
    num_drawn: int
    seed: int
    drawn_at: str
    """UTC, ISO 8601."""
    applied: str = ""
    """The bulk that it was written as (`bulk_name`), and by which reader; empty before."""
    applied_by: str = ""

    @property
    def drawn(self) -> tuple[str, ...]:
        return self.sample_ids[: self.num_drawn]


@dataclass(frozen=True, slots=True)
class GroupProgress:
    """What the verdicts on a group's sample prove."""

    num_read: int
    num_confirmed: int
    """Read, and given the label that the decision gives."""
    least_right: int
    """For at least so many of the group the new label is right, with the confidence `CONFIDENCE`, whenever one
    looks."""
    num_labels: int
    most_not_right: int
    """Of those that nobody read, the new label is not right for at most so many."""

    @property
    def is_enough(self) -> bool:
        return self.least_right >= MIN_RIGHT * self.num_labels


@dataclass(frozen=True, slots=True)
class GroupOutcome:
    """What became of a decision that was written."""

    recorded: tuple[str, ...]
    critical: tuple[str, ...]
    """Not written: a class that this study marks as critical is changed by single verdicts alone."""
    kept: tuple[str, ...]
    """Not written: the reader has decided them one by one."""


def group_name(sample_ids: Collection[str]) -> str:
    """Of the decision on a group of `Run.contradicted_groups`."""
    return hashlib.sha256("\n".join(sorted(sample_ids)).encode()).hexdigest()[:16]


def group_changes(group: Mapping[str, Any], classes: Collection[str]) -> dict[str, str]:
    """Given label to new label: where two classes are swapped, of these two alone."""
    given, predicted = group["given_label"], group["predicted_label"]
    if group["is_swapped"]:
        return {given: predicted, predicted: given}
    return {name: predicted for name in classes if name != predicted}


def groups_path(study: Study) -> Path:
    """The study's group decisions; it changes with each of them."""
    return study.path / "audit" / "groups.json"


def load_groups(study: Study) -> dict[str, GroupDecision]:
    """By name. Raises StudyError where the file is damaged."""
    path = groups_path(study)
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        decisions = [GroupDecision(**(fields | {"sample_ids": tuple(fields["sample_ids"])})) for fields in found]
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StudyError(f"{path}: is damaged; restore it from a copy, or delete it and draw again") from error
    return {each.name: each for each in decisions}


def draw_group(
    study: Study, run: str, group: Mapping[str, Any], *, seed: int = 0, actor: Actor | None = None
) -> GroupDecision:
    """Draw a group's sample, which the queue of all readers then begins with. Drawn once: it stays as it is. Raises
    NotAllowedError."""
    require(actor, Action.MANAGE)
    decisions, name = load_groups(study), group_name(group["sample_ids"])
    if name in decisions:
        return decisions[name]
    # By id: the order of files tells nothing, and changes nothing.
    order = np.random.default_rng(seed).permutation(sorted(group["sample_ids"])).tolist()
    drawn = GroupDecision(
        name=name,
        run=run,
        changes=group_changes(group, study.classes),
        sample_ids=tuple(order),
        num_drawn=min(NUM_DRAWN, len(order)),
        seed=seed,
        drawn_at=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    _save(study, drawn)
    return drawn


def draw_more(study: Study, decision: GroupDecision, *, actor: Actor | None = None) -> GroupDecision:
    """Show readers as many more of the group: the bound holds whenever one looks. Raises NotAllowedError."""
    require(actor, Action.MANAGE)
    more = replace(decision, num_drawn=min(decision.num_drawn + NUM_DRAWN, len(decision.sample_ids)))
    _save(study, more)
    return more


def group_progress(
    decision: GroupDecision, decisions: Iterable[Decision], *, alpha: float = 1 - CONFIDENCE
) -> GroupProgress:
    """decisions: the standing ones of all readers; those in bulk are no readings. A label is confirmed where all who
    judged it gave the new one.

    The bound is exact for a random order without replacement (`confidence_set`), up to the first one not read; those
    read beyond it are known."""
    new_label: dict[str, list[bool]] = defaultdict(list)
    known = set(decision.sample_ids)
    for each in decisions:
        verdict = each.verdict
        if verdict.sample_id in known and verdict.protocol != BULK:
            wanted = decision.changes.get(verdict.given_label, verdict.given_label)
            new_label[verdict.sample_id].append(verdict.chosen_label == wanted != verdict.given_label)
    in_order = []
    for sample_id in decision.sample_ids:
        if sample_id not in new_label:
            break
        in_order.append(all(new_label[sample_id]))
    num, read, confirmed = len(decision.sample_ids), len(in_order), sum(in_order)
    known_right = sum(map(all, new_label.values()))
    known_not = len(new_label) - known_right
    counts = with_known(
        Counts.of(np.array([num]), np.array([read]), np.array([confirmed])),
        np.array([known_right]),
        np.array([known_not]),
    )
    least = least_right(counts, alpha)
    return GroupProgress(read, confirmed, least, num, num - least - known_not)


def progress_words(progress: GroupProgress) -> str:
    """What is proved of a group, in a sentence."""
    if not progress.num_read:
        return "nothing of it is read yet"
    share = percent(int(1000 * progress.least_right / progress.num_labels) / 1000)
    return (
        f"{progress.num_confirmed:,} of {progress.num_read:,} read were confirmed: the new label is right for at least "
        f"{progress.least_right:,} of {progress.num_labels:,} ({share}), at {percent(CONFIDENCE)} confidence"
    )


def apply_group(study: Study, decision: GroupDecision, reader: str, *, actor: Actor | None = None) -> GroupOutcome:
    """Write the decision: one verdict in bulk per sample, marked as such, which `undo_group` takes back.

    Raises NotAllowedError, and ConfigError where too few are confirmed, or where it was written before."""
    require(actor, Action.MANAGE)
    ledger = open_ledger(study, actor)
    standing = ledger.decisions()
    progress = group_progress(decision, standing)
    if not progress.is_enough:
        raise ConfigError(f"{progress_words(progress)}; {percent(MIN_RIGHT)} is needed to change all of them")
    if decision.applied:
        raise ConfigError("this decision was written before; undo it first")
    scores = open_run(study, decision.run).scores().set_index("sample_id")
    hashes = study.samples().set_index("sample_id")
    own = {each.verdict.sample_id for each in standing if each.verdict.reader == reader}
    critical = set(open_study(study.path).critical_classes)
    # Of this moment: written again after an undo, it is another bulk.
    bulk = f"group {decision.name} {ledger.head().sequence}"
    verdicts, of_critical = [], []
    for sample_id in decision.sample_ids:
        if sample_id in own or sample_id not in scores.index or sample_id not in hashes.index:
            continue
        given = str(hashes.at[sample_id, "given_label"])
        new = decision.changes.get(given, given)
        if critical & {given, new}:
            of_critical.append(sample_id)
        elif new != given:
            verdicts.append(
                Verdict(
                    sample_id=sample_id,
                    reader=reader,
                    kind=VerdictKind.ACCEPT,
                    given_label=given,
                    proposed_label=new,
                    chosen_label=new,
                    run=decision.run,
                    score=float(scores.at[sample_id, "label_error_probability"]),
                    idempotency_key=bulk_key(reader, sample_id, bulk),
                    protocol=BULK,
                    note=f"group {decision.name}: {progress.num_confirmed} of {progress.num_read} confirmed",
                    image_sha256=str(hashes["sha256"].get(sample_id, "")) if "sha256" in hashes else "",
                )
            )
    if not verdicts:
        raise ConfigError("nothing to change: critical classes, and what you decided yourself, are left as they are")
    outcome = record_bulk(ledger, verdicts)
    written = bulk_name(verdicts[0].idempotency_key)
    _save(study, replace(decision, applied=written, applied_by=reader))
    kept = tuple(one for one in decision.sample_ids if one in own)
    return GroupOutcome(outcome.recorded, tuple(of_critical), kept)


def undo_group(study: Study, decision: GroupDecision, *, actor: Actor | None = None) -> int:
    """Undo what `apply_group` wrote and still stands; how many verdicts that were. Raises NotAllowedError, also where
    another owner wrote it: nobody writes or undoes a verdict in another's name."""
    require(actor, Action.MANAGE)
    if actor is not None and actor.name != decision.applied_by:
        raise NotAllowedError(f"{decision.applied_by} wrote this decision, and only they can undo it.")
    undone = undo_bulk(open_ledger(study, actor), decision.applied_by, decision.applied)
    _save(study, replace(decision, applied="", applied_by=""))
    return len(undone)


def _save(study: Study, decision: GroupDecision) -> None:
    decisions = load_groups(study) | {decision.name: decision}
    path = groups_path(study)
    path.parent.mkdir(exist_ok=True)
    write_atomically(path, json.dumps([asdict(each) for each in decisions.values()], indent=1) + "\n")
