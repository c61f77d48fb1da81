"""The records that the parts exchange: plain frozen dataclasses without behaviour."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Question:
    """What an import that was refused needs to be told, with the answers there are: the form offers them as choices."""

    field: str
    """What it asks for, as the flag of `import` that answers it: finding, label_column, image_column, labels ..."""
    text: str
    """The question, as a field's title: Which finding is under audit?"""
    choices: tuple[tuple[str, int], ...]
    """Each answer, and its number of images; 0 where there is no number to give (a column, say). A page shows them: of
    cells they hold only the labels of images that were found."""


@dataclass(frozen=True, slots=True)
class SourceRow:
    """One row of a source, as a reader (a file format's) found it."""

    row: int
    """Number of the row: in a CSV as a spreadsheet counts (the header is row 1), else from 1."""
    image: str
    """Path as the source writes it, relative to the source's root (POSIX)."""
    label: str
    """Class name, stripped; empty where the source has none."""
    patient: str = ""
    slide: str = ""
    split: str = ""
    """train, val, test or whatever the source says, in lower case; empty where it says nothing."""
    raters: tuple[str, ...] = ()
    """Class names that single raters gave, in the order of `Source.rater_names`; empty where none."""
    reader: str = ""
    """Who gave the label, in a source that has a row for each reader."""
    fault: str = ""
    """Why the row names no image, for the quarantine; empty where it names one."""


@dataclass(frozen=True, slots=True)
class Source:
    """Everything a reader takes from a source before any image is opened."""

    root: str
    format: str
    """The name of one of `registry.FORMATS`: folder, csv, chaoyang ..."""
    columns: tuple[str, ...]
    """The source's own columns, in their order."""
    cells: tuple[tuple[str, ...], ...]
    """The source's own cells as text, a tuple per row."""
    image_column: str
    label_column: str
    rows: tuple[SourceRow, ...]
    """One per row of `cells`, in the same order."""
    labels_file: str = ""
    archive: str = ""
    """The archive that the source was unpacked from; empty if it was not."""
    unpacked: str = ""
    """The folder that the archive was unpacked into: `root` is below it."""
    rater_names: tuple[str, ...] = ()
    written_labels: dict[str, str] = field(default_factory=dict)
    """Class name to the label as the source writes it, where the two differ (normal: 0)."""
    classes: tuple[str, ...] = ()
    """The class names in the order that the user or the format gives; empty: sorted."""
    messages: tuple[str, ...] = ()
    """What the user should know and need not decide (a part that is absent, say)."""
    link_roots: tuple[str, ...] = ()
    """Folders into which links may lead besides the source's root; empty: none."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One image with a label: a row of samples.csv."""

    sample_id: str
    image: str
    given_label: str
    patient: str = ""
    """Keyed hash, or empty."""
    slide: str = ""
    """Keyed hash, or empty."""
    split: str = ""
    raters: tuple[str, ...] = ()
    sha256: str = ""
    """Of the image's file when it was imported."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """The given label is probably wrong, and this one is probably right: a row of scores.csv."""

    sample_id: str
    given_label: str
    proposed_label: str
    label_error_probability: float
    is_proposed: bool


class VerdictKind(StrEnum):
    """What a reader decides of a proposal."""

    ACCEPT = "accept"
    REJECT = "reject"
    RELABEL = "relabel"
    AMBIGUOUS = "ambiguous"
    EXCLUDE = "exclude"
    CANNOT_JUDGE = "cannot_judge"


class Grade(StrEnum):
    """How grave the error in a given label is: how many readers would have made it, and whether it matters clinically.

    The discrepancies of RADPEER: 2 is an understandable miss, 3 a finding that should be made most of the time; b is
    likely to be clinically significant, a is not. Source: Goldberg-Stein et al. 2017, "ACR RADPEER Committee White
    Paper with 2016 Updates", J Am Coll Radiol 14 (8), 1080-1086.
    """

    MANY_MINOR = "many_minor"
    """2a: many readers would miss it, and it does not matter."""
    MANY_MAJOR = "many_major"
    """2b: many would miss it, and it matters."""
    FEW_MINOR = "few_minor"
    """3a: few would miss it, and it does not matter."""
    FEW_MAJOR = "few_major"
    """3b: few would miss it, and it matters."""


class Protocol(StrEnum):
    """What a reader sees before they label a sample."""

    OPEN = "open"
    """The given label, the model's and its evidence."""
    BLIND = "blind"
    """The image alone; once their reading is locked, the rest is revealed, and the verdict follows."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A reader's own label for a sample, made before anything was revealed (blind) or after (open)."""

    sample_id: str
    reader: str
    label: str
    """Empty where the reader found none: `finding` says why."""
    idempotency_key: str
    """As of `Verdict`."""
    finding: VerdictKind | None = None
    """Ambiguous, exclude or cannot judge, in place of a label."""
    protocol: Protocol = Protocol.BLIND
    given_label: str = ""
    """Only where it was shown."""
    run: str = ""
    note: str = ""
    elapsed_ms: int = 0
    image_sha256: str = ""
    """Of the image that was shown; empty where it is not known."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a reader decided of one sample, as the page hands it to the ledger."""

    sample_id: str
    reader: str
    kind: VerdictKind
    given_label: str
    proposed_label: str
    chosen_label: str
    """The label that follows from the verdict; empty for exclude."""
    run: str
    """Empty where the sample was read without a model; score is 0 then, and proposed_label empty."""
    score: float
    """label_error_probability at the time of the verdict, in [0, 1]."""
    idempotency_key: str
    """Made when the sample was shown; a second verdict with the same key is not recorded."""
    protocol: str = Protocol.OPEN
    """Blind: the reader had labelled the image alone before."""
    note: str = ""
    elapsed_ms: int = 0
    """Milliseconds between showing the sample and the verdict."""
    follows: str = ""
    """The idempotency key of the reader's own verdict on the sample that stood when it was shown; empty for none. If
    another one stands by now, this one is stale and is not recorded."""
    image_sha256: str = ""
    """Of the image that was shown; empty where it is not known."""
    grade: str = ""
    """One of `Grade`, of an accept or a relabel; empty for none."""


@dataclass(frozen=True, slots=True)
class Decision:
    """A verdict as the ledger holds it: with its place in the chain and its time."""

    verdict: Verdict
    sequence: int
    decided_at: datetime
    """UTC."""
    identity: str = ""
    """How the reader was identified (`Identity`); empty for a name that was typed."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong, or may be, with a dataset."""

    kind: str
    severity: str
    """info, warning or error."""
    count: int
    message: str
    samples: tuple[str, ...] = ()
    """The ids of those it concerns, where it isn't all of them."""
    groups: tuple[tuple[str, ...], ...] = ()
    """Which of them belong together (near-duplicates), where the finding is of groups."""
