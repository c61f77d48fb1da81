"""What journals ask of a reference standard, and what an audit can answer of it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class AuditFacts:
    """What the report knows of how the labels were read."""

    sample: str
    """How the images that were read were chosen, in a sentence."""
    protocol: str
    """Whether readers saw the labels before their own reading."""
    num_readers: int
    num_twice: int
    agreement: str
    """Between readers, in words; empty where no image was read by two."""
    disputes: str
    version: str


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that is asked."""

    source: str
    asked: str
    answer: str = ""
    """What the ledger and the design of the audit say."""
    missing: str = ""
    """What they do not, and only the study's authors can."""


def asked_items(facts: AuditFacts) -> list[Item]:
    """All in our words. Sources: Tejani et al. 2024, "Checklist for Artificial Intelligence in Medical Imaging (CLAIM):
    2024 Update" (Radiol Artif Intell 2024;6:e240300), its items on the reference standard, 14 to 18, and those on what
    is sampled, 10, 12 and 21; topics of CLEARR-AI (Elfer et al. 2024, Mod Pathol 2024;37:100439)."""
    readers = f"Readers: {facts.num_readers}."
    tool = f"Overread {facts.version}. {facts.protocol}"
    twice = facts.agreement or "No image was read by two readers."
    kept_by = "Every verdict is a row of an append-only ledger: reader, time, evidence, and the hash of the row before."
    return [
        Item("CLAIM 10", "How subsets of the data were selected", facts.sample),
        Item("CLAIM 12", "How missing data were handled", "Unread labels count as wrong where they are not sampled."),
        Item(
            "CLAIM 14",
            "How the reference standard was obtained, so that others can repeat it",
            f"The label after the verdicts. {facts.protocol}",
            missing="the criteria of each class",
        ),
        Item("CLAIM 15", "Why this reference standard was chosen", missing="any of it"),
        Item(
            "CLAIM 16",
            "Where the annotations come from: the annotators, their qualifications and training",
            readers,
            missing="the readers' qualifications and training, and where the given labels come from",
        ),
        Item(
            "CLAIM 17",
            "How the test set was annotated: the steps, the instructions, the software and its version, and whether "
            "labels were taken from reports or records",
            tool,
            missing="the instructions to readers, and whether the given labels were taken from reports or records",
        ),
        Item(
            "CLAIM 18",
            "Variability between and within readers: how it was measured, reduced and resolved",
            f"{twice} {facts.disputes}",
            missing="the variability within a reader",
        ),
        Item(
            "CLAIM 21",
            "The intended sample size, and how it was determined",
            "Planned before the first verdict counted: Design.",
        ),
        Item(
            "CLEARR-AI",
            "The images: their source, selection and preparation",
            facts.sample,
            missing="the source of the images and what was done to them before the import",
        ),
        Item(
            "CLEARR-AI",
            "The annotators: number, expertise, recruitment, training",
            readers,
            missing="their expertise, recruitment and training",
        ),
        Item(
            "CLEARR-AI",
            "The task and instructions that annotators were given",
            facts.protocol,
            missing="the instructions",
        ),
        Item("CLEARR-AI", "The platform, and what it showed", tool),
        Item(
            "CLEARR-AI",
            "Annotations of one image by several annotators, and how they were combined",
            f"Read by two or more: {facts.num_twice:,} images. {facts.disputes}",
        ),
        Item("CLEARR-AI", "Agreement and quality of the annotations", twice),
        Item("CLEARR-AI", "Where annotations and their metadata are kept, so that results can be made again", kept_by),
        Item("CLEARR-AI", "Ethics, consent and sharing of data", missing="any of it"),
    ]
