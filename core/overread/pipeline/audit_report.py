"""Writes the report on a study's audit."""

import hashlib
from collections import Counter
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from overread.audit.design import AuditQuestion
from overread.audit.reference_standard import AuditFacts
from overread.audit.report_content import Course, ReportContent
from overread.audit.report_page import report_page
from overread.audit.wording import percent, proposal_line, question_words, reading_words, statement_lines
from overread.checks.agreement import GIVEN_LABEL, study_agreement
from overread.checks.reader_labels import reader_labels
from overread.errors import ConfigError, StudyError
from overread.files import write_atomically
from overread.pipeline.audit_evidence import reading_pairs
from overread.pipeline.audit_store import design_path, load_order, num_earlier, sample_words
from overread.pipeline.audit_study import AuditNow, audit_course, audit_now
from overread.pipeline.study_ledger import open_ledger
from overread.records import Decision, Protocol
from overread.review.adjudication import independent_decisions
from overread.review.roles import Action, Actor, require
from overread.review.row_rules import BULK
from overread.studies.sample_groups import sample_groups
from overread.studies.study import Study
from overread.version import full_version

REPORT_KINDS = {".html": "text/html", ".pdf": "application/pdf"}
"""By suffix, the media type."""


def has_pdf() -> bool:
    """Whether this installation can write PDF: the extra `pdf`."""
    return all(find_spec(name) for name in ("fpdf", "font_roboto"))


def own_reports(study: Study) -> list[Path]:
    """Where reports go unless it is said: into the study's folder, the PDF where this installation can write it."""
    return [study.path / f"report{kind}" for kind in REPORT_KINDS if kind != ".pdf" or has_pdf()]


def write_report(study: Study, *outs: Path, actor: Actor | None = None) -> AuditNow:
    """Files that need nothing else, each HTML or PDF by its suffix. The same files of a study give the same bytes.

    Raises NotAllowedError, StudyError where no audit is open, LedgerError where the ledger is not as it was written,
    and ConfigError for another suffix, or for PDF without fpdf2."""
    require(actor, Action.MANAGE)
    for out in outs:
        if out.suffix.lower() not in REPORT_KINDS:
            raise ConfigError(f"{out}: a report is an HTML or a PDF file; end its name with .html or .pdf")
        if out.suffix.lower() == ".pdf" and not has_pdf():
            raise ConfigError("a PDF needs fpdf2: pip install 'overread[pdf]'; or write HTML, which a browser prints")
    open_ledger(study).verify_chain()
    now = audit_now(study)
    if now is None:
        raise StudyError(f"{study.path}: no audit is open; open one with `overread audit {study.path}`")
    content = _content(study, now)
    for out in outs:
        if out.suffix.lower() == ".html":
            write_atomically(out, report_page(content))
        else:
            from overread.audit.report_pdf import report_pdf  # fpdf2 may be absent

            write_atomically(out, report_pdf(content))
    return now


def _content(study: Study, now: AuditNow) -> ReportContent:
    audit, question = now.audit, now.audit.question
    order, ledger = load_order(study, audit), open_ledger(study)
    known = set(order["sample_id"])
    decisions = [each for each in independent_decisions(ledger) if each.verdict.sample_id in known]
    num_twice = int(reading_pairs(order, len(audit.strata), decisions)[0].sum())
    sentences = statement_lines(now.statement, question)
    if audit.run:
        of_proposals = proposal_line(now.proposals, question)
        sentences = [*sentences, of_proposals] if question.min_precision is None else [of_proposals, *sentences]
    read = reading_words(now.num_blind, now.num_open, has_model=bool(audit.run))
    sentences.append(read)
    facts = AuditFacts(
        sample=f"A sample of all {audit.num_labels:,} labels: {sample_words(audit)} (seed {question.seed}).",
        protocol=f"{read[0].upper()}{read[1:]}.",
        num_readers=now.num_readers,
        num_twice=num_twice,
        agreement=_agreement(study, decisions),
        disputes="Where readers disagree, a second look or an adjudicator may settle the label. Until then the given "
        "label is kept, and counts as wrong in the bound.",
        version=full_version(),
    )
    return ReportContent(
        study=study.name,
        statement=now.statement,
        proposals=now.proposals,
        sentences=tuple(sentences),
        design=(
            ("Question", question_words(question).capitalize()),
            ("Labels", f"{audit.num_labels:,} of {audit.num_clusters:,} patients, slides or single images"),
            ("Seed", str(question.seed)),
            ("Planned", f"{audit.num_planned:,} verdicts: {sample_words(audit)}"),
            ("Shown to readers", f"{audit.num_drawn:,} labels"),
            ("Drawn", audit.opened_at),
            ("Audits set aside before", str(num_earlier(study))),
            ("Run", audit.run or "none"),
            ("Ledger when drawn", audit.ledger_head),
            ("SHA-256 of the order", audit.order_sha256),
            ("SHA-256 of the design", hashlib.sha256(design_path(study).read_bytes()).hexdigest()),
        ),
        course=_course(study, question),
        readers=_readers(decisions),
        facts=facts,
        versions=(
            ("Overread, when drawn", audit.version),
            ("Overread, this report", full_version()),
            ("Ledger head", now.head),
        ),
        drawn=audit.opened_at,
    )


def _course(study: Study, question: AuditQuestion) -> Course:
    points, holds = tuple(audit_course(study)), "It holds at every point of the line: reading may stop at any."
    if question.min_precision is None:
        axis = "Labels still wrong at most"
        return Course(points, question.max_wrong, axis, f"{axis}, by the number of verdicts. {holds}")
    axis = "Proposals that are wrong labels at least"
    return Course(points, question.min_precision, axis, f"{axis}, by the number of verdicts on them. {holds}")


def _readers(decisions: list[Decision]) -> tuple[tuple[str, int, int], ...]:
    """Reader 1, 2 ... in the order of their first verdict: names are not needed to judge the labels."""
    single = [each.verdict for each in decisions if each.verdict.protocol != BULK]
    total = Counter(verdict.reader for verdict in single)
    blind = Counter(verdict.reader for verdict in single if verdict.protocol == Protocol.BLIND)
    return tuple((f"Reader {place}", total[one], blind[one]) for place, one in enumerate(total, start=1))


def _agreement(study: Study, decisions: list[Decision]) -> str:
    """Between readers, beyond chance; empty where no image was read by two."""
    samples = study.samples()
    labels, _ = reader_labels(samples, decisions, [])
    if labels.shape[1] < 2:
        return ""
    found = study_agreement(samples.join(labels), list(labels), study.classes, sample_groups(samples))
    alpha = found.krippendorff_alpha
    if not np.isfinite(alpha.value):
        return ""
    between = [pair for pair in found.pairs if pair.second != GIVEN_LABEL and pair.kappa.num_samples]
    equal = np.average([pair.share_equal for pair in between], weights=[pair.kappa.num_samples for pair in between])
    return (
        f"Two readers gave the same label to {percent(float(equal))} of {alpha.num_samples:,} images (Krippendorff's "
        f"alpha {alpha.value:.2f}, 95 % interval {alpha.low:.2f} to {alpha.high:.2f})."
    )
