"""`bench audit`: simulated studies, and their tables as a Markdown page."""

import json
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from overread.benchmark.audit_cells import NUM_LABELS, READERS
from overread.benchmark.audit_coverage import CELLS, MIN_READ, NUM_TWICE, run_cell
from overread.benchmark.audit_scale import LEAST, MOST, NUM_PROPOSALS, QUESTIONS, SEPARATIONS, verdicts_needed
from overread.benchmark.audit_scale import NUM_LABELS as NUM_OF_SCALE
from overread.files import write_atomically
from overread.version import full_version

CONFIDENCE = 0.95
SCALE_PART = 10
"""One study in so many counts the verdicts that are needed."""


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
    ]
    for done, cell in enumerate(wanted):
        if any(row | cell == row for row in results):
            continue
        listener(done / len(wanted), ", ".join(map(str, cell.values())))
        if "asked" in cell:
            row = verdicts_needed(**cell, num_studies=max(num_studies // SCALE_PART, 1), seed=seed)
        else:
            [readers] = [each for each in READERS if each.name == cell["readers"]]
            row = run_cell(cell["rate"], cell["model"], readers, num_studies=num_studies, seed=seed)
        results.append(row | key)
        with path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(results[-1]) + "\n")
    results.sort(key=lambda row: [row | cell == row for cell in wanted].index(True))
    page = audit_page(results, num_studies, seed)
    write_atomically(out / "audit.md", page)
    return results, page


def audit_page(results: Sequence[dict[str, Any]], num_studies: int, seed: int) -> str:
    """The page; results: of `run_audit`."""
    chance = allowance(num_studies)
    rows = [row for row in results if "model" in row]
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
        "twice, held in truth.",
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
    ]
    return "\n\n".join(parts) + "\n"


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
