"""What an audit says, in plain sentences: the same on the command line, on pages and in the report."""

from overread.audit.design import AuditQuestion
from overread.audit.proposal_bounds import ProposalBounds
from overread.audit.statement import Statement


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
    if statement.num_changed:
        lines.append(
            f"one decision changed {statement.num_changed:,} labels unread: at most {statement.most_wrong_changed:,} "
            "of them are wrong, by a random sample of their group. The bound above is the sum of these and of all "
            "other labels, and holds for both together"
        )
    if statement.num_unread_changes:
        lines.append(
            f"{statement.num_unread_changes:,} labels were changed unread, and no sample says anything of them: all of "
            "them count as wrong"
        )
    if statement.num_ambiguous:
        lines.append(f"{statement.num_ambiguous:,} labels fit more than one class; they are counted as neither")
    # A group's own sample has an order of its own.
    in_one_order = [each for each in statement.tallies if not (each.stratum.is_census or each.stratum.group)]
    held_back = sum(each.num_read - each.num_in_order for each in in_one_order)
    if held_back:
        lines.append(
            f"{held_back:,} verdicts are not in the order of the sample, or follow an image that was put off: they "
            "count as they are, but not as a random sample"
        )
    if question.min_precision is None:
        lines.append(_to_go(statement.num_to_read, statement.to_read_range, question.max_wrong))
    return lines


def _to_go(number: int | None, span: tuple[int | None, int | None] | None, asked: float) -> str:
    if number is None:
        return f"{percent(asked)} is out of reach: reading all of them is not expected to prove it"
    if number:
        return f"read about {number:,} more{range_words(span)} for {percent(asked)}"
    return f"this is the {percent(asked)} that was asked for: reading may stop here"


def range_words(span: tuple[int | None, int | None] | None) -> str:
    """The range of a forecast, to follow its number; empty where there is none."""
    if span is None or span[0] is None:
        return ""
    low, high = span
    return f" ({low:,} or more)" if high is None else f" ({low:,} to {high:,})"


def proposal_line(bounds: ProposalBounds, question: AuditQuestion) -> str:
    """What is proved of the proposals, and how far that is from what was asked of them."""
    if not bounds.cut_offs:
        return "the run proposes no change"
    total = bounds.cut_offs[-1]
    parts = [f"{bounds.least_wrong[-1]:,} of all {total:,} proposals"]
    parts += [f"{bounds.least_wrong[cut - 1]:,} of the surest {cut:,}" for cut in shown_cut_offs(total)[:-1]]
    line = f"at least {', '.join(parts)} are wrong labels, all together at {percent(question.confidence)} confidence"
    if question.min_precision is None:
        return line
    return f"{line}; {_to_go(bounds.num_to_read, bounds.to_read_range, question.min_precision)}"


def reading_words(num_blind: int, num_open: int, *, has_model: bool) -> str:
    """What readers saw before they decided: it says whether they could tell the images drawn at random.

    num_blind: verdicts that followed a reading of the image alone; num_open: those that did not."""
    if not num_blind + num_open:
        return "no image was read yet"
    if not num_open:
        return "readers labelled each image alone before they saw its label" + " or the model's" * has_model
    seen = "readers saw the given label first"
    if has_model:
        seen = "readers saw the given label and the model's first, and could tell images that the model did not propose"
    return f"{seen}, at {num_open:,} of {num_blind + num_open:,} verdicts" if num_blind else seen


def question_words(question: AuditQuestion) -> str:
    """What is to be proved."""
    at = percent(question.confidence)
    if question.min_precision is None:
        return f"at most {percent(question.max_wrong)} of all labels are still wrong, at {at} confidence"
    return f"at least {percent(question.min_precision)} of the proposals are wrong labels, at {at} confidence"


def shown_cut_offs(total: int) -> list[int]:
    """A few cut-offs to show, of all that hold."""
    return sorted({max(round(total * part), 1) for part in (0.25, 0.5, 0.75, 1)}) if total else []
