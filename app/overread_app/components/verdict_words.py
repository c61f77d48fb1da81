"""The verdicts that a reader can give: their words and their keys."""

from overread.records import VerdictKind

NUM_KEYS = 9
MAX_NOTE_LENGTH = 500
PLAIN_VERDICTS = (
    (VerdictKind.AMBIGUOUS, "Ambiguous", "M", "The image does not show which class is right. The given label is kept."),
    (
        VerdictKind.CANNOT_JUDGE,
        "Cannot judge",
        "N",
        "You cannot judge this image. The given label is kept.",
    ),
    (VerdictKind.EXCLUDE, "Exclude", "E", "The image should not be in the dataset. Its label becomes empty."),
)
VERDICT_NAMES = {
    VerdictKind.ACCEPT: "Changed",
    VerdictKind.REJECT: "Kept",
    VerdictKind.RELABEL: "Another class",
    VerdictKind.AMBIGUOUS: "Ambiguous",
    VerdictKind.EXCLUDE: "Excluded",
    VerdictKind.CANNOT_JUDGE: "Cannot judge",
}
