"""The texts of the comparison of two runs."""

TITLE = "Compare two runs"
FIRST, SECOND = "First run", "Second run"
SAME = "Choose two different runs."
REVIEW = "Review this run"

PROPOSALS = "Proposals"
EXPECTED = "Wrong labels expected in the study"
PRECISION = "Expected share of wrong labels among the proposals"
RECALL = "Expected share of all wrong labels that is proposed"
TIME = "Training time"
AGREEING = "Your verdicts that it got right"
FOUND = "Labels that you changed, proposed"
NEEDLESS = "Labels that you kept, proposed"
PERCENT = "{percent:.0f} %"
OF = "{number} of {total}"
MODELS_BELIEF = "“Expected” is what each run believes of itself: a range, or “about” for a run without one."
OF_VERDICTS = (
    "“Got right”: the run proposes the label that you chose, or nothing where you kept the label. Your verdicts on "
    "both runs count, {verdicts} in all."
)
FAVOURS = "Most of your verdicts were given on the proposals of the {which} run, which favours it."
NO_VERDICTS = "Your verdicts are compared here once you have given some."
NO_READER = "To test them by your verdicts, enter your name on the Review page."

OVERLAP = (
    "Both propose **{both}**, **{same}** of them with the same class. Only the first proposes **{first}**, only the "
    "second **{second}**."
)
PAIRS = "Where they differ"
GIVEN, PROPOSED, BOTH = "Given label", "Proposed label", "Both"
FIRST_SHORT, SECOND_SHORT = "First", "Second"
MORE_PAIRS = "And {pairs} with smaller differences."
NO_PAIRS = "Both propose the same changes."

SETTINGS = "Settings that differ"
SETTING, MEANING = "Setting", "What it does"
NO_SETTINGS = "Both have the same settings."
MEANINGS = {
    "preset": "The preset.",
    "seed": "The seed of all randomness.",
    "device": "What computed: cpu is the processor, cuda the graphics card.",
    "num_samples": "Images in the study at the time.",
    "features": "Where the features came from.",
    "after review": "Whether decided labels were kept fixed.",
}
"""Of the entries that are no settings of a training."""
