"""`bench audit`: simulated studies, and their tables as a Markdown page."""

import json
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from overread.benchmark.audit_cells import NUM_LABELS, READERS
from overread.benchmark.audit_coverage import CELLS, MIN_READ, NUM_TWICE, run_cell
from overread.benchmark.audit_decisions import GROUP_SIZE, NUM_OF_PROPOSALS, NUM_OF_REST, run_group, run_proposals
from overread.benchmark.audit_scale import LEAST, MOST, NUM_PROPOSALS, QUESTIONS, SEPARATIONS, verdicts_needed
from overread.benchmark.audit_scale import NUM_LABELS as NUM_OF_SCALE
from overread.files import write_atomically
from overread.version import full_version

CONFIDENCE = 0.95
SCALE_PART = 5
"""One study in so many counts the verdicts that are needed."""
DECISION_PART = 8
"""One study in so many is looked at after every verdict on proposals and on a group."""
DECISIONS = {"proposals": (run_proposals, DECISION_PART), "group": (run_group, DECISION_PART)}


def run_audit(
    out: Path, *, num_studies: int, seed: int, listener: Callable[[float, str], None]
) -> tuple[list[dict[str, Any]], str]:
    """Simulate, and write audit.jsonl and audit.md into the folder `out`; returns the results and the page.

    Cells that audit.jsonl has already, of the same seed and number of studies, are kept."""
    out.mkdir(parents=True, exist_ok=True)
    path, key = out / "audit.jsonl", {"seed": seed, "num_studies": num_studies}
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    results = [row for row in map(json.loads, lines) if row | key == row]
    wanted: list[dict[str, Any]] = [
        *({"rate": rate, "model": model, "readers": readers.name} for rate, model, readers in CELLS),
        *({"asked": asked, "rate": rate} for asked, rate in QUESTIONS),
        *(
            {"of": of, "rate": rate, "model": model, "readers": readers.name}
            for of in DECISIONS
            for rate, model, readers in CELLS
        ),
    ]
    for done, cell in enumerate(wanted):
        if any(_is_of(row, cell) for row in results):
            continue
        listener(done / len(wanted), ", ".join(map(str, cell.values())))
        if "asked" in cell:
            row = verdicts_needed(**cell, num_studies=max(num_studies // SCALE_PART, 1), seed=seed)
        else:
            [readers] = [each for each in READERS if each.name == cell["readers"]]
            run, num = DECISIONS.get(cell.get("of", ""), (run_cell, 1))
            row = run(cell["rate"], cell["model"], readers, num_studies=max(num_studies // num, 1), seed=seed)
        results.append(row | key)
        with path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(results[-1]) + "\n")
    results.sort(key=lambda row: [_is_of(row, cell) for cell in wanted].index(True))
    page = audit_page(results, num_studies, seed)
    write_atomically(out / "audit.md", page)
    return results, page


def _is_of(row: dict[str, Any], cell: dict[str, Any]) -> bool:
    return row | cell == row and row.get("of") == cell.get("of")


def audit_page(results: Sequence[dict[str, Any]], num_studies: int, seed: int) -> str:
    """The page; results: of `run_audit`."""
    chance = allowance(num_studies)
    rows = [row for row in results if "model" in row and "of" not in row]
    scale = [row for row in results if "asked" in row]
    missed = [row for row in rows for name in _HOLDS if not math.isnan(row.get(name, math.nan)) and row[name] < chance]
    parts = [
        "# Audits in simulated studies",
        f"Version {full_version()}; seed {seed}; {num_studies:,} studies a cell, of {NUM_LABELS:,} labels each.",
        "```\noverread bench audit --out out\n```",
        "## Do the statements hold?",
        f"Each is made at {CONFIDENCE:.0%} confidence: of {num_studies:,} studies, {chance:.1%} or more must hold, "
        f"which chance alone misses in one cell of a thousand. **{len(missed)} of the numbers below are less.**",
        "The model names a probability for each label. *Good* and *fair* are calibrated (scores of wrong labels 3 and "
        "1.5 standard deviations higher); *useless* knows nothing; *over-confident* has four times the log-odds; "
        "*blind to half* sees half of the wrong labels, and expects a tenth of those; *reversed* has it the wrong way "
        "round; *whole patients wrong* is a good model of labels that are wrong ten at a time. Imperfect readers see "
        "90 % of the wrong labels and keep 98 % of the right ones. Each audit asks that half of the wrong labels be "
        f"found, and is read as far as it planned ({MIN_READ} verdicts or more).",
        "- *every look*: the bound on the labels still wrong held after each single verdict. *cut-offs*: at least so "
        "many of the surest N proposals are wrong, for every N, after 100 and all verdicts. Both take readers at "
        f"their word. *with errors*: the bound that allows for readers' errors, after {NUM_TWICE} labels were read "
        "twice, held in truth at each of five looks.",
        "- *left*: labels still wrong, mean share. *at most*: the bound of the audit. *random*: that of a simple "
        "random sample of the same size, exact (hypergeometric), which may be looked at once. *errors*: the bound "
        "that allows for readers' errors. *PPI*, where ppi-python 0.2.3 is installed: its one-sided bound from the "
        "same random sample with the model's help, and the share of studies in which that held.",
        _coverage_table(rows),
        "## How many verdicts does it take?",
        f"Median and 80 % quantile of {max(num_studies // SCALE_PART, 1)} studies, looking after every tenth verdict "
        "(*at least*: after each). *Fixed*: a simple random sample whose size is fixed before and which is looked at "
        f"once; half and 80 % of such samples are enough. *At most*: at most {MOST:.1%} of {NUM_OF_SCALE:,} labels are "
        f"still wrong. *At least*: at least {LEAST:.0%} of {NUM_PROPOSALS} proposals are wrong labels.",
        _scale_table(scale),
        *decision_sections(results, max(num_studies // DECISION_PART, 1)),
    ]
    return "\n\n".join(parts) + "\n"


def decision_sections(results: Sequence[dict[str, Any]], num_studies: int) -> list[str]:
    """Of the bounds on proposals and on what a group's decision changed."""
    proposals, group = ([row for row in results if row.get("of") == of] for of in DECISIONS)
    measured = [row for row in (*proposals, *group) if row["num_measured"]]
    missed = [row for row in measured if row["holds"] < allowance(row["num_measured"])]
    return [
        "## Do the bounds on decisions hold after every verdict?",
        f"The same studies, {num_studies} a cell, looked at after each single verdict, by the readers' word. At "
        f"{CONFIDENCE:.0%} confidence {allowance(num_studies):.1%} or more of {num_studies} must hold. "
        f"**{len(missed)} of the cells below have less.**",
        f"*Proposals*: an audit that asks about them; {NUM_OF_PROPOSALS} are read, or all where these are fewer. "
        "*Holds*: at least so many of the surest N are wrong, for every N and after each verdict. *True*: the share "
        "of the proposals that is wrong; *bound*: of all of them, at the end; *random*: the exact bound of a simple "
        "random sample of them of the same size, which may be looked at once. *Studies*: those in which the model "
        "proposes something.",
        _decision_table(proposals, {"true": "true", "bound": "bound", "random_sample": "random"}),
        f"*Group*: {GROUP_SIZE} more labels stand out, and the model is of no use there. For 80, 90 or all of 100 of "
        "them one new label is right. They are read 20 by 20, until the new label is proved to be right for 80 % "
        f"(then all are changed) or 80 are read; and {NUM_OF_REST} of the other labels are read. *Holds*: the bound on "
        "the labels still wrong, before and after the decision. Of the studies in which it was taken (*decided*): "
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


_HOLDS = ("holds_at_every_look", "cut_offs_hold", "truly_holds")


def _coverage_table(rows: list[dict[str, Any]]) -> str:
    has_ppi = any("ppi" in row for row in rows)
    heads = ["wrong", "model", "readers", "read", "every look", "cut-offs", "with errors", "left", "at most", "random"]
    heads += ["errors", *(["PPI holds", "PPI"] if has_ppi else [])]
    lines = ["| " + " | ".join(heads) + " |", "|" + " --- |" * len(heads)]
    for row in rows:
        shares = [row[name] for name in (*_HOLDS, "left", "most_wrong", "random_sample", "most_truly_wrong")]
        shares += [row.get(name, math.nan) for name in ("ppi_holds", "ppi")] if has_ppi else []
        cells = [f"{row['rate']:.0%}", row["model"], row["readers"], f"{row['num_read']:,}", *map(_share, shares)]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _decision_table(rows: list[dict[str, Any]], columns: dict[str, str]) -> str:
    heads = ["wrong", "model", "readers", "studies", "read", "holds", *columns.values()]
    lines = ["| " + " | ".join(heads) + " |", "|" + " --- |" * len(heads)]
    for row in rows:
        num_read = row.get("num_read", math.nan)
        cells = [f"{row['rate']:.0%}", row["model"], row["readers"], f"{row['num_measured']:,.0f}"]
        cells += ["" if math.isnan(num_read) else f"{num_read:,.0f}"]
        cells += [_share(row.get(name, math.nan)) for name in ("holds", *columns)]
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
