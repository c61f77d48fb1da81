"""The final label of each sample, from the standing verdicts."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from overread.errors import ConfigError
from overread.records import Decision, VerdictKind
from overread.review.roles import Identity
from overread.review.row_rules import LABELLING_KINDS

DISPUTED = "disputed"
"""The verdict where readers want different labels."""


class LabelPolicy(StrEnum):
    """Which label several readers' verdicts make."""

    UNANIMOUS = "unanimous"
    """The one that all want; else they dispute it."""
    MAJORITY = "majority"
    """The one that more than half of them want; else they dispute it."""
    DAWID_SKENE = "dawid-skene"
    """Where they differ, the one that is most probable by how each reader labels; else they dispute it."""
    ADJUDICATED = "adjudicated"
    """The one that an adjudicator, or a second round, has come to; else as unanimous."""
    SOFT = "soft"
    """As by majority, and each class's share of their labels beside it."""


def label_policy(name: str) -> LabelPolicy:
    """The policy of this name. Raises ConfigError, which lists the known ones."""
    if name not in list(LabelPolicy):
        raise ConfigError(f"--policy {name}: unknown value; choose from {', '.join(LabelPolicy)}")
    return LabelPolicy(name)


@dataclass(frozen=True, slots=True)
class Settled:
    """The label of one sample, by a policy that looks beyond the verdicts on it."""

    label: str
    """Class name; empty where the sample is excluded."""
    probability: float | None = None
    """That the label is right, in [0, 1]; None where the policy gives none."""
    verdict: str = ""
    """How it came about; empty: by the newest of the verdicts for it."""
    reader: str = ""
    """Who decided beside the readers; empty for nobody."""
    note: str = ""
    """Theirs."""
    decided_at: datetime | None = None
    """UTC; None: when the newest of the verdicts was given."""
    identity: str = ""
    """Of `reader`, as rows have it."""


@dataclass(frozen=True, slots=True)
class FinalLabel:
    """The result of the verdicts on one sample."""

    sample_id: str
    label: str
    """Class name; empty where the sample is excluded; the given label where readers disagree."""
    given_label: str
    """As of the newest decision."""
    verdict: str
    """Of the newest decision for the label, where different verdicts lead to it; or "disputed"."""
    reader: str
    """The readers, joined by "; ", the earliest decision first."""
    decided_at: datetime
    """UTC, of the newest decision."""
    run: str
    """The run that the newest decision was made on; empty where there was none."""
    score: float
    """label_error_probability in that run; 0 where there was none."""
    proposed_label: str
    """The label that was proposed when the newest decision was made."""
    note: str
    """The readers' notes, joined by "; ", the earliest decision first."""
    grade: str = ""
    """Each reader's grade in the order of `reader`, joined by "; "; empty where nobody graded."""
    identity: str = ""
    """How the readers were identified, in words: `identities`."""
    images: frozenset[str] = frozenset()
    """The SHA-256 of each image that a decision was made on, where it is known."""
    probability: float | None = None
    """As of `Settled`."""
    shares: Mapping[str, float] = field(default_factory=dict)
    """By the policy soft, class name to its share of the readers' labels, in (0, 1], sum 1; empty where no verdict says
    what the image shows."""


def final_labels(
    decisions: Iterable[Decision],
    policy: LabelPolicy = LabelPolicy.UNANIMOUS,
    settled: Mapping[str, Settled] | None = None,
) -> dict[str, FinalLabel]:
    """decisions: the standing ones of all readers, at most one per reader and sample (Ledger.decisions()). settled:
    sample id to its label by the policy, where that looks beyond the verdicts on the sample: it settles any dispute.

    Returns the final label of every sample that has a decision; any other sample keeps its given label.
    accept takes the proposed label, relabel the chosen one; reject, ambiguous and cannot judge keep the given one;
    exclude leaves none. Readers dispute a sample when their verdicts come to different labels, or one excludes it and
    another does not, unless the policy settles it: it keeps the given label until that is adjudicated. The same label
    by different verdicts is no dispute. Source: DESIGN, "From verdicts to labels".
    """
    per_sample: dict[str, list[Decision]] = defaultdict(list)
    for decision in sorted(decisions, key=lambda decision: decision.sequence):
        per_sample[decision.verdict.sample_id].append(decision)
    known = settled or {}
    return {sample_id: _merge(several, policy, known.get(sample_id)) for sample_id, several in per_sample.items()}


def _merge(decisions: list[Decision], policy: LabelPolicy, settled: Settled | None) -> FinalLabel:
    """decisions: one sample's, the newest last."""
    newest = decisions[-1]
    outcomes = [verdict_label(decision) for decision in decisions]
    [(label, num_votes)] = Counter(outcomes).most_common(1)
    is_majority = policy in (LabelPolicy.MAJORITY, LabelPolicy.SOFT)
    is_disputed = num_votes < (len(decisions) // 2 + 1 if is_majority else len(decisions))
    if settled is not None:
        label, is_disputed = settled.label, False
    settled = settled or Settled(label)
    kinds = [decision.verdict.kind for decision, one in zip(decisions, outcomes, strict=True) if one == label]
    readers = [decision.verdict.reader for decision in decisions]
    notes = [decision.verdict.note for decision in decisions]
    stored = [decision.identity for decision in decisions]
    if settled.reader:
        readers, notes, stored = [*readers, settled.reader], [*notes, settled.note], [*stored, settled.identity]
    moments = [decision.decided_at for decision in decisions]
    return FinalLabel(
        sample_id=newest.verdict.sample_id,
        label=newest.verdict.given_label if is_disputed else label,
        given_label=newest.verdict.given_label,
        verdict=DISPUTED if is_disputed else settled.verdict or kinds[-1].value,
        reader="; ".join(readers),
        decided_at=max([*moments, settled.decided_at] if settled.decided_at else moments),
        run=newest.verdict.run,
        score=newest.verdict.score,
        proposed_label=newest.verdict.proposed_label,
        note="; ".join(filter(None, notes)),
        grade=_grades(decisions),
        identity=identities(stored),
        images=frozenset(decision.verdict.image_sha256 for decision in decisions) - {""},
        probability=settled.probability,
        shares=_shares(decisions) if policy is LabelPolicy.SOFT else {},
    )


def _shares(decisions: list[Decision]) -> dict[str, float]:
    counts = Counter(verdict_label(decision) for decision in decisions if decision.verdict.kind in LABELLING_KINDS)
    return {label: count / counts.total() for label, count in counts.items()}


def identities(stored: Iterable[str]) -> str:
    """How readers were identified, of their rows: one word where it is the same for all, else one each, joined by
    "; "."""
    words = [identity or Identity.SELF_DECLARED.value for identity in stored]
    return words[0] if len(set(words)) == 1 else "; ".join(words)


def _grades(decisions: list[Decision]) -> str:
    grades = [decision.verdict.grade for decision in decisions]
    return "; ".join(grades) if any(grades) else ""


def verdict_label(decision: Decision) -> str:
    """The label that one decision makes; empty for exclude (no class has an empty name)."""
    verdict = decision.verdict
    match verdict.kind:
        case VerdictKind.ACCEPT:
            return verdict.proposed_label
        case VerdictKind.RELABEL:
            return verdict.chosen_label
        case VerdictKind.EXCLUDE:
            return ""
    return verdict.given_label
