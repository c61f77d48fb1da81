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
    answer: str
    """Empty: only the study's authors can say."""


def asked_items(facts: AuditFacts) -> list[Item]:
    """Sources: Mongan, Moy, Kahn 2020, "Checklist for Artificial Intelligence in Medical Imaging (CLAIM)", items 10, 13
    to 19, in our words, not the update of 2024; the topics of CLEARR-AI (Mod Pathol 2024;37:100439), an evaluable
    checklist of how annotations were collected, in our words and without its numbers."""
    kept_by = "Every verdict is a row of an append-only ledger: reader, time, evidence, and the hash of the row before."
    twice = facts.agreement or "No image was read by two readers."
    return [
        Item("CLAIM 10", "How subsets of the data were chosen", facts.sample),
        Item("CLAIM 13", "How missing data were handled", "Unread labels count as wrong where they are not sampled."),
        Item("CLAIM 14", "Definition of the reference standard", f"The label after the verdicts. {facts.protocol}"),
        Item("CLAIM 15", "Why this reference standard was chosen", ""),
        Item("CLAIM 16", "Who annotated, their qualifications and training", f"Readers: {facts.num_readers}."),
        Item("CLAIM 17", "Annotation tools", f"Overread {facts.version}."),
        Item("CLAIM 18", "Variability between and within readers; how it was resolved", f"{twice} {facts.disputes}"),
        Item("CLAIM 19", "Sample size and how it was determined", "Planned before the first verdict counted: Design."),
        Item("CLEARR-AI", "The images: their source, selection and preparation", facts.sample),
        Item("CLEARR-AI", "The annotators: number, expertise, recruitment, training", f"Readers: {facts.num_readers}."),
        Item("CLEARR-AI", "The task and instructions that annotators were given", facts.protocol),
        Item("CLEARR-AI", "The platform, and what it showed", f"Overread {facts.version}. {facts.protocol}"),
        Item(
            "CLEARR-AI",
            "Annotations of one image by several annotators, and how they were combined",
            f"Read by two or more: {facts.num_twice:,} images. {facts.disputes}",
        ),
        Item("CLEARR-AI", "Agreement and quality of the annotations", twice),
        Item("CLEARR-AI", "Where annotations and their metadata are kept, so that results can be made again", kept_by),
        Item("CLEARR-AI", "Ethics, consent and sharing of data", ""),
    ]
