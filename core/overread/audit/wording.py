"""What an audit says, in plain sentences: the same on the command line, on pages and in the report."""

from overread.audit.design import AuditQuestion
from overread.audit.statement import ProposalBounds, Statement


def percent(share: float, *, decimals: int = 1) -> str:
    """A share as people write it, rounded: 3.4 %, 2 %."""
    text = f"{100 * share:.{decimals}f}"
    return f"{text.rstrip('0').rstrip('.') if '.' in text else text} %"


def most_percent(number: int, total: int) -> str:
    """An upper bound as a percentage, rounded up: what is said must not be less than what is proved."""
    tenths = -(-1000 * number // total) if total else 0
    return percent(tenths / 1000)


def least_percent(number: int, total: int) -> str:
    """A lower bound as a percentage, rounded down."""
    return percent(1000 * number // total / 1000) if total else percent(0)


def statement_lines(statement: Statement, question: AuditQuestion) -> list[str]:
    """What is proved of all labels, and how it was counted."""
    at = percent(question.confidence)
    most = most_percent(statement.most_wrong, statement.num_labels)
    lines = [
        f"at most {statement.most_wrong:,} of {statement.num_labels:,} labels ({most}) are still wrong, at {at} "
        f"confidence, after {statement.num_read:,} verdicts; {statement.num_mended:,} were corrected or excluded",
    ]
    if statement.accuracy is None:
        lines.append("readers are taken at their word: fewer than 20 labels were read by two of them")
    else:
        found = statement.accuracy
        (low, high), (least, top) = found.sensitivity_range, found.specificity_range
        truly = statement.most_truly_wrong or 0
        lines.append(
            f"if readers may err: at most {truly:,} ({most_percent(truly, statement.num_labels)}). From "
            f"{found.num_pairs:,} labels that two of them read, one sees {percent(found.sensitivity)} of the wrong "
            f"labels [{percent(low)} to {percent(high)}] and keeps {percent(found.specificity)} of the right ones "
            f"[{percent(least)} to {percent(top)}]"
        )
    if statement.num_ambiguous:
        lines.append(f"{statement.num_ambiguous:,} labels fit more than one class; they are counted as neither")
    held_back = sum(each.num_read - each.num_in_order for each in statement.tallies if not each.stratum.is_census)
    if held_back:
        lines.append(
            f"{held_back:,} verdicts are not in the order of the sample, or follow an image that was put off: they "
            "count as they are, but not as a random sample"
        )
    if statement.num_to_read is None:
        lines.append(f"{percent(question.max_wrong)} is out of reach: too many labels are known to be wrong")
    elif statement.num_to_read:
        lines.append(f"read about {statement.num_to_read:,} more for {percent(question.max_wrong)}")
    else:
        lines.append(f"this is the {percent(question.max_wrong)} that was asked for: reading may stop here")
    return lines


def proposal_line(bounds: ProposalBounds, question: AuditQuestion) -> str:
    """What is proved of the proposals."""
    if not bounds.cut_offs:
        return "the run proposes no change"
    total = bounds.cut_offs[-1]
    parts = [f"{bounds.least_wrong[-1]:,} of all {total:,} proposals"]
    parts += [f"{bounds.least_wrong[cut - 1]:,} of the surest {cut:,}" for cut in shown_cut_offs(total)[:-1]]
    return f"at least {', '.join(parts)} are wrong labels, all together at {percent(question.confidence)} confidence"


def shown_cut_offs(total: int) -> list[int]:
    """A few cut-offs to show, of all that hold."""
    return sorted({max(round(total * part), 1) for part in (0.25, 0.5, 0.75, 1)}) if total else []
