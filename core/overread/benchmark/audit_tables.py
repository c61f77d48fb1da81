"""`bench audit`: simulated and real studies, and their tables as a Markdown page."""

import json
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from overread.benchmark.audit_cells import CELLS, MIN_PROPOSED, NUM_LABELS, READERS, Cell, Draw, Population
from overread.benchmark.audit_coverage import MIN_READ, NUM_TWICE, STATEMENT_PART, run_cell
from overread.benchmark.audit_decisions import GROUP_SIZE, NUM_OF_PROPOSALS, NUM_OF_REST, run_group, run_proposals
from overread.benchmark.audit_regimes import REAL, real_population
from overread.benchmark.audit_scale import LEAST, MOST, NUM_PROPOSALS, QUESTIONS, SEPARATIONS, verdicts_needed
from overread.benchmark.audit_scale import NUM_LABELS as NUM_OF_SCALE
from overread.files import write_atomically
from overread.version import full_version

CONFIDENCE = 0.95
SCALE_PART = 5
"""One study in so many counts the verdicts that are needed."""
REAL_CELLS = [Cell(name, readers) for name in REAL for readers in READERS]
RUNS: dict[str, Callable[..., dict[str, Any]]] = {
    "all labels": run_cell,
    "proposals": run_proposals,
    "group": run_group,
}
"""By what the bounds are of."""


def run_audit(
    out: Path, *, num_studies: int, seed: int, listener: Callable[[float, str], None]
) -> tuple[list[dict[str, Any]], str]:
    """Simulate, and write audit.jsonl and audit.md into the folder `out`; returns the results and the page.

    Cells that audit.jsonl has already, of the same seed and number of studies, are kept. Those of real images that are
    not there are left out."""
    out.mkdir(parents=True, exist_ok=True)
    path, key = out / "audit.jsonl", {"seed": seed, "num_studies": num_studies}
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    results = [row for row in map(json.loads, lines) if row | key == row]
    of_labels = [(of, cell) for of in RUNS for cell in (*CELLS, *(REAL_CELLS if of != "group" else ()))]
    wanted: list[dict[str, Any]] = [{"of": of} | cell.key for of, cell in of_labels]
    wanted += [{"asked": asked, "rate": rate} for asked, rate in QUESTIONS]
    real: dict[str, Population | None] = {}
    for done, key_of_cell in enumerate(wanted):
        if any(row | key_of_cell == row for row in results):
            continue

        def tell(text: str, share: float = done / len(wanted)) -> None:
            listener(share, text)

        tell(", ".join(map(str, key_of_cell.values())))
        if "asked" in key_of_cell:
            row = verdicts_needed(**key_of_cell, num_studies=max(num_studies // SCALE_PART, 1), seed=seed)
        else:
            of, cell = of_labels[done]
            draw = cell.draw() if cell.rate is not None else _draw_real(cell.model, real, out / "cache", tell)
            if draw is None:
                continue
            row = {"of": of} | RUNS[of](cell, draw, num_studies=num_studies, seed=seed)
        results.append(row | key)
        with path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(results[-1]) + "\n")
    results.sort(key=lambda row: [row | each == row for each in wanted].index(True))
    page = audit_page(results, num_studies, seed)
    write_atomically(out / "audit.md", page)
    return results, page


def _draw_real(
    name: str, known: dict[str, Population | None], cache: Path, listener: Callable[[str], None]
) -> Draw | None:
    """The same labels in each study, so that only its draw and readers vary; None where they are not there."""
    if name not in known:
        known[name] = real_population(name, cache, listener)
    labels = known[name]
    return None if labels is None else lambda rng: labels


def audit_page(results: Sequence[dict[str, Any]], num_studies: int, seed: int) -> str:
    """The page; results: of `run_audit`."""
    chance = allowance(num_studies)
    rows = [row for row in results if row.get("of") == "all labels"]
    scale = [row for row in results if "asked" in row]
    missed = _num_missed(rows, num_studies)
    parts = [
        "# Audits in simulated studies",
        f"Version {full_version()}; seed {seed}; {num_studies:,} studies a cell, of {NUM_LABELS:,} labels each "
        "where they are simulated.",
        "```\noverread bench audit --out out\n```",
        "## Do the statements hold?",
        f"Each is made at {CONFIDENCE:.0%} confidence: of {num_studies:,} studies, {chance:.1%} or more must hold, "
        f"which chance alone misses in one cell of a thousand. **{missed} of the numbers below are less.**",
        "The model names a probability for each label. *Good* and *fair* are calibrated (scores of wrong labels 3 and "
        "1.5 standard deviations higher); *useless* knows nothing; *over-confident* has four times the log-odds; "
        "*blind to half* sees half of the wrong labels, and expects a tenth of those; *reversed* has it the wrong way "
        "round; *whole patients wrong* is a good model of labels that are wrong ten at a time. Imperfect readers see "
        "90 % of the wrong labels and keep 98 % of the right ones. Each audit asks that half of the wrong labels be "
        f"found, and is read as far as it planned ({MIN_READ} verdicts or more).",
        _real_words(rows),
        "- *every look*: the bound on the labels still wrong held after each single verdict. *cut-offs*: at least so "
        "many of the surest N proposals are wrong, for every N, after 100 and all verdicts. Both take readers at "
        f"their word. *with errors*: the bound that allows for readers' errors, after {NUM_TWICE} labels were read "
        "twice, held in truth at each of five looks. The last two, and *errors*, are of one study in "
        f"{STATEMENT_PART}, of which {allowance(_part(num_studies)):.0%} or more must hold.",
        "- *left*: labels still wrong, mean share. *at most*: the bound of the audit. *random*: that of a simple "
        "random sample of the same size, exact (hypergeometric), which may be looked at once. *errors*: the bound "
        "that allows for readers' errors."
        + " *PPI*: the one-sided bound of ppi-python from the same random sample with the model's help, and the share "
        "of studies in which that held." * any("ppi" in row for row in rows),
        _coverage_table(rows),
        "## How many verdicts does it take?",
        f"Median and 80 % quantile of {max(num_studies // SCALE_PART, 1)} studies, looking after every tenth verdict "
        "(*at least*: after each). *Fixed*: a simple random sample whose size is fixed before and which is looked at "
        f"once; half and 80 % of such samples are enough. *At most*: at most {MOST:.1%} of {NUM_OF_SCALE:,} labels are "
        f"still wrong. *At least*: at least {LEAST:.0%} of {NUM_PROPOSALS} proposals are wrong labels.",
        _scale_table(scale),
        *decision_sections(results, num_studies),
    ]
    return "\n\n".join(parts) + "\n"


def _real_words(rows: list[dict[str, Any]]) -> str:
    sizes = {row["model"]: row["num_labels"] for row in rows if row["model"] in REAL}
    known = {
        "one-sided": "*one-sided*: 30 % of the pneumonias among chest X-rays are called normal",
        "one batch": "*one batch*: all images of one class in a cluster that look alike have the wrong label",
        "swapped site": "*swapped site*: at one of two sites the two classes are swapped",
        "rare class": "*rare class*: photographs of five classes, one of them 2 %, a tenth wrong",
    }
    said = [f"{known[name]} ({size:,} labels)" for name, size in sizes.items()]
    words = (
        "The probabilities and proposals of the last studies are those that the product itself gives on real images "
    )
    words += "whose noise its model does not expect; only the draw and the readers vary. " + "; ".join(said) + "."
    absent = [name for name in REAL if name not in sizes]
    left_out = f"Left out, as the images or the weights were not there: {', '.join(absent)}."
    return " ".join([*([words] if said else []), *([left_out] if absent else [])])


def decision_sections(results: Sequence[dict[str, Any]], num_studies: int) -> list[str]:
    """Of the bounds on proposals and on what a group's decision changed."""
    proposals, group = ([row for row in results if row.get("of") == of] for of in ("proposals", "group"))
    missed = _num_missed([*proposals, *group], num_studies)
    return [
        "## Do the bounds on decisions hold after every verdict?",
        f"Studies like these, {num_studies:,} a cell, looked at after each single verdict, by the readers' word. At "
        f"{CONFIDENCE:.0%} confidence {allowance(num_studies):.1%} or more of {num_studies:,} must hold. "
        f"**{missed} of the numbers below are less.**",
        f"*Proposals*: the labels that are more probably wrong than right, or the surest {MIN_PROPOSED} where these "
        "are fewer; those of the product in the real studies. An audit asks about them; "
        f"{NUM_OF_PROPOSALS} are read, or all where these are fewer. "
        "*Holds*: after each verdict the true numbers were in the confidence set that all bounds on the proposals "
        f"follow from. *States*, of one study in {STATEMENT_PART}: at least so many of the surest N were wrong, for "
        "every N, after the first verdict, half and all of them. *True*: the share "
        "of the proposals that is wrong; *bound*: of all of them, at the end; *random*: the exact bound of a simple "
        "random sample of them of the same size, which may be looked at once.",
        _decision_table(proposals, {"true": "true", "bound": "bound", "random_sample": "random"}),
        f"*Group*: {GROUP_SIZE} more labels stand out, and the model is of no use there. For 80, 90 or all of 100 of "
        "them one new label is right. They are read 20 by 20, until the new label is proved to be right for 80 % "
        f"(then all are changed) or 80 are read; and {NUM_OF_REST} of the other labels are read. *Holds*: after each "
        "verdict the true numbers were in the confidence sets of the group and of the others, from which the bound "
        f"follows. *States*, of one study in {STATEMENT_PART}: the bound on the labels still wrong held in the end. Of "
        "these, where the decision was taken (*decided*): "
        "*true*, the share still wrong; *bound*; *counted*, the bound if all that was changed unread counts as wrong, "
        "as it did before; *random*, the exact bound of a simple random sample of all labels of the same size, drawn "
        "after the decision and looked at once.",
        _decision_table(
            group,
            {
                "is_decided": "decided",
                "true": "true",
                "bound": "bound",
                "all_counted": "counted",
                "random_sample": "random",
            },
        ),
    ]


def allowance(num_studies: int) -> float:
    """The least share of studies in which a statement must hold, so that chance alone has less in one cell of a
    thousand."""
    from scipy.stats import binom

    return float(binom.ppf(0.001, num_studies, CONFIDENCE)) / num_studies


def _part(num_studies: int) -> int:
    return math.ceil(num_studies / STATEMENT_PART)


def _num_missed(rows: list[dict[str, Any]], num_studies: int) -> int:
    """Shares that are less than chance allows."""
    least = {name: allowance(num_studies if name in _OF_ALL else _part(num_studies)) for name in _HOLDS}
    return sum(row.get(name, math.nan) < least[name] for row in rows for name in _HOLDS)


_HOLDS = ("holds_at_every_look", "cut_offs_hold", "truly_holds", "holds", "states")
_OF_ALL = ("holds_at_every_look", "holds")
"""These are of all studies, the others of one in `STATEMENT_PART`."""


def _coverage_table(rows: list[dict[str, Any]]) -> str:
    has_ppi = any("ppi" in row for row in rows)
    heads = ["wrong", "model", "readers", "read", "every look", "cut-offs", "with errors", "left", "at most", "random"]
    heads += ["errors", *(["PPI holds", "PPI"] if has_ppi else [])]
    lines = ["| " + " | ".join(heads) + " |", "|" + " --- |" * len(heads)]
    for row in rows:
        names = (*_HOLDS[:3], "left", "most_wrong", "random_sample", "most_truly_wrong")
        shares = [row.get(name, math.nan) for name in names]
        shares += [row.get(name, math.nan) for name in ("ppi_holds", "ppi")] if has_ppi else []
        cells = [f"{row['rate']:.0%}", row["model"], row["readers"], f"{row['num_read']:,}", *map(_share, shares)]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _decision_table(rows: list[dict[str, Any]], columns: dict[str, str]) -> str:
    heads = ["wrong", "model", "readers", "read", "holds", "states", *columns.values()]
    lines = ["| " + " | ".join(heads) + " |", "|" + " --- |" * len(heads)]
    for row in rows:
        num_read = row.get("num_read", math.nan)
        cells = [f"{row['rate']:.0%}", row["model"], row["readers"]]
        cells += ["" if math.isnan(num_read) else f"{num_read:,.0f}"]
        cells += [_share(row.get(name, math.nan)) for name in (*_HOLDS[-2:], *columns)]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _scale_table(rows: list[dict[str, Any]]) -> str:
    heads = ["asked", "wrong", "fixed", *SEPARATIONS]
    lines = ["| " + " | ".join(heads) + " |", "|" + " --- |" * len(heads)]
    for row in rows:
        numbers = [row["fixed"], *(row.get(model) for model in SEPARATIONS)]
        cells = ["" if pair is None else f"{pair[0]:,.0f} / {pair[1]:,.0f}" for pair in numbers]
        lines.append("| " + " | ".join([row["asked"], f"{row['rate']:.1%}", *cells]) + " |")
    return "\n".join(lines)


def _share(value: float) -> str:
    return "" if math.isnan(value) else f"{100 * value:.1f} %"
