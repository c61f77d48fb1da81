"""The texts of the Train page."""

from overread import progress_words
from overread.pipeline.failure_cause import FailureCause

PRESETS = {
    "overread": (
        "Overread (recommended)",
        "The thorough check. Every label is judged by models that never saw it. Choose it unless you have a reason "
        "not to.",
    ),
    "quick": (
        "Quick",
        "A simpler check for a first look. It usually finds fewer of the wrong labels.",
    ),
    "paper": (
        "Paper",
        "The published method, unchanged. Choose it to compare your results with the paper.",
    ),
}
"""Name and purpose of each preset, the recommended one first."""
NO_STUDY = "There is no study yet. Create one on the Studies page."
PAGE = "Train a model on {study}. Where it disagrees with a label, it proposes another one."
IS_RUNNING = "This study is already being trained."
PRESET_FIELD = "How thoroughly?"
TIME_HERE = "About {time} on this computer."
TIME_OF_BOTH = "First proposals after about {first}; all of it about {time}."
TIME_OF_TRIED = "First proposals after about {first}; all of it at most {time}."
"""Where a trial may find that the second step is not worth its time."""
MEASURING = "Measuring how fast this computer is…"
MEASURED_ON_CPU = (
    "Times were measured on this computer, with {images}. There is no usable graphics card; the processor does the "
    "work ({cores} in use)."
)
MEASURED_ON_GPU = "Times were measured on this computer, with {images}, on its graphics card ({gpu})."
CORRECTED = "{runs} on this computer made them more exact."

DEVICES = {"auto": "Automatic", "cpu": "Processor (CPU)", "cuda": "Graphics card (GPU)"}
DEVICE_FIELD = "Compute on"
DEVICE_HELP = "Automatic uses the graphics card if there is one."
SEED_FIELD = "Seed"
SEED_HELP = "The same seed and settings give the same run."
ADVANCED = "Advanced settings"
START = "Start training"
GOES_ON = "Training continues if you close this page."
NEW = "New training"

STARTING = "Starting…"
PERCENT = "{percent} %"
LEFT = "about {time} left"
REVIEW = "Review"
STOP = "Stop"
STOP_KEEPS = "If you stop, what is done so far is kept. You can continue later."
STOPPING = "Stopping…"
CONTINUE = "Continue"
LOG = "Log"
LOSS = "Loss by epoch"

STOPPED = "The training was stopped."
INTERRUPTED = "The training ended before it was done."
INTERRUPTED_WHY = "The computer was switched off or ran out of memory, or somebody ended the program."
PENDING = "The training ended at the first proposals."
FIRST_KEPT = "Its first proposals can be reviewed. Continuing refines them."
KEPT = "{percent} % is done and kept."
KEPT_LEFT = "{percent} % is done and kept; about {time} left."
NOTHING_KEPT = "It had hardly begun."
FAILED = "The training failed."
CAUSES = {
    FailureCause.GPU_MEMORY: (
        "The graphics card ran out of memory.",
        "Close other programs that use it, then continue. Or start again on the processor, under Advanced settings.",
    ),
    FailureCause.MEMORY: (
        "This computer ran out of memory.",
        "Close other programs, then continue.",
    ),
    FailureCause.DISK_FULL: (
        "The disk is full.",
        "Free some space, then continue.",
    ),
    FailureCause.IMAGES: (
        "Some images can no longer be read.",
        "Put the files back where they were, then continue. Or import the study again, without these images.",
    ),
    FailureCause.REFUSED: ("", ""),
    FailureCause.UNKNOWN: (
        "Something unexpected went wrong.",
        "Continue once. If it fails again, show the log to whoever looks after Overread.",
    ),
}
"""What happened and what to do; for a refusal the training's own message says both."""
NOT_STARTED = "The training did not start. Show the log on the terminal to whoever looks after Overread."

AFTER_REVIEW = (
    "**After review**  \n{labels} been decided. Retrain with these decisions fixed. It starts from the current run, "
    "takes less time, and replaces it only if it scores at least as well."
)
RETRAIN = "Retrain"
AFTER_REVIEW_OF = "after review of {labels}"
OUTCOMES = {
    "better": "Better than the previous run.",
    "alike": "No measurable difference from the previous run.",
    "worse": "Worse than the previous run.",
}
"""Outcomes of the comparison of a run after review with the one before it."""
TOO_FEW = (
    "**Too few decisions to compare it with the previous run.** Of the decided labels held out for this purpose, "
    "{num_wrong} are wrong and {num_right} are right. The comparison needs 20, at least five of each."
)
COMPARED = (
    "**{outcome}** Both were evaluated on decided labels held out for this purpose: {num_wrong} wrong and {num_right} "
    "right.\n"
    "- Average precision (1 is best): {average_precision[before]:.2f} before, {average_precision[after]:.2f} now; "
    "change between {average_precision[low]:+.2f} and {average_precision[high]:+.2f}\n"
    "- Brier score (0 is best): {brier[before]:.3f} before, {brier[after]:.3f} now; "
    "change between {brier[low]:+.3f} and {brier[high]:+.3f}"
)
USE_NEW = "Use the new run"
KEEP_OLD = "Keep the old run"
RUNS = "Runs"
NO_RUNS = "None yet."
SHOW_RUN = "Show this run"
SHOWN = "shown on all pages"
NOT_IN_USE = "not in use"
TOOK = "took {time}"

PRESET_VALUE = "preset value"
PRETRAIN_FIELD = "Pretraining (epochs)"
PRETRAIN_HELP = "Passes over all images in which the model learns features without labels."
WARMUP_FIELD = "Warm-up (epochs)"
WARMUP_HELP = "Passes over all images with the given labels, before refinement starts."
CONFIDENCE_FIELD = "Consensus confidence (%)"
CONFIDENCE_HELP = (
    "How confident the model must be in a class, at every stage of a round, before it trains on that class. Not used "
    "by the overread preset."
)
RATERS_FIELD = "Use the raters' labels"
RATERS_HELP = (
    "Uses individual raters' labels as evidence for or against the given label. Leave this off if you will evaluate "
    "the results against them. Only the overread preset supports it."
)

EPOCH_LINE = "{words}, pass {number}, loss {loss:.3f}"
EVENTS = {
    "start": "Images and labels are ready",
    "trial": progress_words.TRIAL,
    "finish": "Done",
    "cancel": "Stopped",
    "fail": "Failed",
}
"""Lines of the log for events that have no words of their own."""
