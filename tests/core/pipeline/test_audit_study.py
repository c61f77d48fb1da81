"""An audit from its draw to its report, by the commands, on a small study whose truth is made up."""

import html
import json
import sqlite3
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from pypdf import PdfReader

from overread.audit.design import AuditQuestion
from overread.audit.wording import proposal_line, statement_lines
from overread.errors import ConfigError, LedgerError, StudyError
from overread.pipeline.audit_steering import choose_next
from overread.pipeline.audit_store import NextSample, load_audit, load_order
from overread.pipeline.audit_study import audit_course, audit_now, drawn_sample, open_audit, plan_audit
from overread.pipeline.backup import backup_study, restore_study
from overread.pipeline.study_ledger import open_ledger
from overread.records import Verdict, VerdictKind
from overread.review.adjudication import open_round, record_adjudication, record_second
from overread.review.disputes import Opinion, Round
from overread.review.ledger import visit_key
from overread.review.queue import review_order
from overread.studies.run import open_run
from overread.studies.study import open_study, save_study, set_protocol
from tests.app.made_study import CLASSES, write_study
from tests.core.commands import run_command

NUM_SAMPLES = 240


@pytest.fixture
def made(tmp_path):
    return write_study(tmp_path, num_samples=NUM_SAMPLES)


@pytest.fixture
def audited(made):
    """A study with an audit of 10 %."""
    run_command("audit", made.path, "--max-wrong", "10%", "--seed", 3)
    return made


def wrong_labels(study):
    """The labels of the first half of the proposals, by id."""
    scores = open_run(study).scores()
    return set(scores.loc[scores["is_proposed"], "sample_id"][::2])


def read(study, sample_ids, *, reader="Ada", wrong=None, visit="1", protocol="open"):
    ledger, given = open_ledger(study), study.samples().set_index("sample_id")["given_label"]
    wrong = wrong_labels(study) if wrong is None else wrong
    with ledger.writing() as connection:
        for one in sample_ids:
            other = next(name for name in CLASSES if name != given[one])
            kind, chosen = (VerdictKind.ACCEPT, other) if one in wrong else (VerdictKind.REJECT, given[one])
            key, last = visit_key(reader, one, visit), ledger.standing(connection, reader, one)
            follows = last.idempotency_key if last else ""
            shown = Verdict(one, reader, kind, given[one], other, chosen, "run", 0.5, key, follows=follows)
            ledger.append_verdict(connection, replace(shown, protocol=protocol))


def order_of(study):
    return load_order(study, load_audit(study))["sample_id"].tolist()


def test_the_command_draws_once_and_then_says_what_is_proved(made):
    drawn = json.loads(run_command("audit", made.path, "--max-wrong", "10%", "--json").out)
    assert drawn["statement"]["most_wrong"] == drawn["statement"]["num_labels"] == NUM_SAMPLES
    planned = drawn["audit"]["num_planned"]
    assert planned == drawn["statement"]["num_to_read"] and 0 < planned < NUM_SAMPLES
    read(made, order_of(made)[:planned])
    now = json.loads(run_command("audit", made.path, "--status", "--json").out)
    assert now["audit"] == drawn["audit"]
    left = wrong_labels(made) - set(order_of(made)[:planned])
    assert len(left) <= now["statement"]["most_wrong"] <= 24
    assert "reading may stop here" in run_command("audit", made.path).out


def test_the_same_seed_draws_the_same_sample_and_another_one_another(audited):
    first = order_of(audited)
    run_command("audit", audited.path, "--max-wrong", "10%", "--seed", 3, "--new")
    assert order_of(audited) == first
    run_command("audit", audited.path, "--max-wrong", "10%", "--seed", 4, "--new")
    assert order_of(audited) != first
    assert (audited.path / "audit" / "earlier-2" / "order.csv").is_file()


def test_a_draw_cannot_be_tried_again_in_silence(audited):
    refused = run_command("audit", audited.path, "--seed", 5)
    assert refused.status == 2 and "--new" in refused.err
    assert run_command("audit", audited.path, "--max-wrong", "10%").status == 0


def test_without_an_audit_status_and_report_say_how_to_open_one(made, tmp_path):
    for command in (("audit", made.path, "--status"), ("report", made.path, "--out", tmp_path / "a.html")):
        refused = run_command(*command)
        assert refused.status == 2 and "no audit is open" in refused.err
    assert run_command("audit", made.path, "--max-wrong", "many").status == 2


def test_a_sample_that_was_read_and_is_not_enough_grows(audited):
    before = load_audit(audited).num_drawn
    everything = set(order_of(audited))
    read(audited, order_of(audited)[:before], wrong=everything - wrong_labels(audited))
    grown = run_command("audit", audited.path)
    assert "more images are in the queue" in grown.out
    assert load_audit(audited).num_drawn > before
    assert list(drawn_sample(audited).ranks) == order_of(audited)[: load_audit(audited).num_drawn]


def test_an_order_that_was_changed_proves_nothing(audited):
    path = audited.path / "audit" / "order.csv"
    lines = path.read_text().splitlines()
    path.write_text("\n".join([lines[0], lines[2], lines[1], *lines[3:], ""]))
    with pytest.raises(StudyError, match="not as it was drawn"):
        audit_now(audited)


def test_the_statement_of_an_earlier_moment_can_be_made_again(audited):
    read(audited, order_of(audited)[:20])
    then = audit_now(audited).statement
    read(audited, order_of(audited)[20:40])
    assert audit_now(audited).statement.most_wrong < then.most_wrong
    read(audited, order_of(audited)[:5], visit="2", wrong=set(order_of(audited)))  # other verdicts on the first
    assert audit_now(audited, until=20).statement == then


def test_a_backup_holds_the_audit(audited, tmp_path):
    read(audited, order_of(audited)[:20])
    backup_study(open_study(audited.path), tmp_path / "saved")
    restore_study(tmp_path / "saved", tmp_path / "elsewhere")
    assert audit_now(open_study(tmp_path / "elsewhere")) == audit_now(audited)


def test_the_report_is_made_again_from_the_ledger_to_the_byte(audited, tmp_path):
    read(audited, order_of(audited)[: load_audit(audited).num_drawn])
    read(audited, order_of(audited)[:30], reader="<b>Ben</b>")
    pages = []
    for name in ("one.html", "two.html"):
        run_command("report", audited.path, "--out", tmp_path / name)
        pages.append((tmp_path / name).read_text())
    assert pages[0] == pages[1]
    now = audit_now(open_study(audited.path))
    assert f"At most {now.statement.most_wrong:,} of {NUM_SAMPLES} labels" in pages[0]
    for part in (
        now.head,
        "Seed",
        "CLAIM 2024",
        "CLAIM 18",
        "Readers: 2. Not in the ledger: the readers&#x27; qualifications",
        "CLEARR-AI",
        "Reader 2",
        "alpha 1.00",
        now.audit.order_sha256,
    ):
        assert part in pages[0]
    for hidden in ("Ada", "Ben", "secret-patient", "http:", "https:", "<script"):
        assert hidden not in pages[0]


def test_a_ledger_that_was_changed_is_not_reported_on(audited, tmp_path):
    read(audited, order_of(audited)[:5])
    database = sqlite3.connect(audited.path / "review.db")
    triggers = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")]
    for name in triggers:
        database.execute(f"DROP TRIGGER {name}")
    database.execute("UPDATE ledger SET note = 'x' WHERE sequence = 2")
    database.commit()
    database.close()
    refused = run_command("report", audited.path, "--out", tmp_path / "report.html")
    assert refused.status == 2 and not (tmp_path / "report.html").exists()
    with pytest.raises(LedgerError):
        open_ledger(open_study(audited.path)).verify_chain()


def test_disagreeing_readers_count_as_wrong(audited):
    first = order_of(audited)[:30]
    read(audited, first, wrong=set())
    agreed = audit_now(audited).statement
    read(audited, first[:2], reader="Ben", wrong=set(first))
    disputed = audit_now(audited).statement
    assert sum(each.outcomes.get("disputed", 0) for each in disputed.tallies) == 2
    assert disputed.most_wrong > agreed.most_wrong
    assert np.isfinite(disputed.share)


def test_what_a_round_has_settled_counts_as_that_and_what_it_could_not_settle_as_wrong(audited):
    first = order_of(audited)[:30]
    read(audited, first, wrong=set())
    agreed = audit_now(audited).statement
    read(audited, first[:3], reader="Ben", wrong=set(first))
    disputed, ledger = audit_now(audited).statement, open_ledger(audited)
    head = ledger.head()
    open_round(ledger, Round.ADJUDICATION, "owner")
    given = audited.samples().set_index("sample_id")["given_label"]
    for one in first[:2]:
        record_adjudication(ledger, "Cleo", one, Opinion(given[one]), protocol="blind", key=one)
    record_adjudication(ledger, "Cleo", first[2], None, note="too dark", protocol="blind", key=first[2])
    left = audit_now(audited).statement
    assert outcomes_of(disputed) == {"right": 27, "disputed": 3}
    assert outcomes_of(left) == {"right": 29, "disputed": 1}
    assert agreed.most_wrong < left.most_wrong < disputed.most_wrong
    other = next(name for name in CLASSES if name != given[first[2]])
    record_adjudication(ledger, "Cleo", first[2], Opinion(other), protocol="open", key="again")
    settled = audit_now(audited).statement
    assert outcomes_of(settled) == {"right": 29, "corrected": 1}
    # One wrong label was found in the sample, and is mended.
    assert agreed.most_wrong <= settled.most_wrong < left.most_wrong
    assert audit_course(audited)[-1] == (settled.num_read, settled.share)
    assert audit_now(audited, until=head.sequence).statement == disputed


def test_of_a_study_that_is_read_whole_the_numbers_are_those_counted_by_hand(audited, tmp_path):
    """240 labels, of which Ada calls none wrong and Ben the first ten. Of these ten, a second look keeps one given
    label and corrects one; an adjudicator keeps two, corrects three and excludes one, and cannot resolve one; the last
    is left."""
    order, ledger = order_of(audited), open_ledger(audited)
    read(audited, order, wrong=set())
    read(audited, order[:10], reader="Ben", wrong=set(order))
    given = audited.samples().set_index("sample_id")["given_label"]
    assert (audit_now(audited).statement.most_wrong, audit_now(audited).statement.num_mended) == (10, 0)
    other = {one: next(name for name in CLASSES if name != given[one]) for one in order[:10]}
    open_round(ledger, Round.SECOND, "owner")
    for reader in ("Ada", "Ben"):
        record_second(ledger, reader, order[0], Opinion(given[order[0]]), key=f"{reader} 0")
        record_second(ledger, reader, order[1], Opinion(other[order[1]]), key=f"{reader} 1")
    open_round(ledger, Round.ADJUDICATION, "owner")
    said = [*(Opinion(given[one]) for one in order[2:4]), *(Opinion(other[one]) for one in order[4:7])]
    for one, opinion in zip(order[2:9], [*said, Opinion(""), None], strict=True):
        record_adjudication(ledger, "Cleo", one, opinion, note="" if opinion else "dark", protocol="blind", key=one)
    now = audit_now(audited)
    assert outcomes_of(now.statement) == {"right": 230 + 1 + 2, "corrected": 1 + 3, "excluded": 1, "disputed": 1 + 1}
    # Still wrong at most: the one that cannot be resolved, and the one that is still disputed.
    assert (now.statement.most_wrong, now.statement.num_mended) == (2, 5)
    assert json.loads(run_command("audit", audited.path, "--status", "--json").out)["statement"]["most_wrong"] == 2
    run_command("report", audited.path, "--out", tmp_path / "report.html")
    assert "t most 2 of 240 labels (0.9 %) are still wrong" in (tmp_path / "report.html").read_text()


def outcomes_of(statement):
    return sum((Counter(each.outcomes) for each in statement.tallies), Counter())


def test_the_owner_chooses_what_readers_are_shown_next(audited):
    run_command("audit", audited.path, "--max-wrong", "10%", "--seed", 3, "--new", "--keep-protocol")
    audited = open_study(audited.path)
    scores = open_run(audited).scores()
    sample = drawn_sample(audited)
    assert review_order(scores, drawn=sample)[: len(sample.ranks)] == list(sample.ranks)
    choose_next(audited, NextSample.FIND)
    assert load_audit(audited).next_sample is NextSample.FIND
    found = drawn_sample(audited)
    order = review_order(scores.assign(likely_label="x"), drawn=found)
    # The random part keeps its order, spread over the whole queue; the others come by probability.
    in_order = [one for one in order if one in found.in_order]
    assert in_order == [one for one in sample.ranks if one in found.in_order]
    assert order.index(in_order[-1]) > len(order) // 2
    probability = scores.set_index("sample_id")["label_error_probability"]
    others = [int(100 * probability[one] + 1e-9) for one in order if one not in found.in_order]
    assert others == sorted(others, reverse=True)


def test_an_order_by_probable_errors_is_refused_where_it_would_tell(audited):
    with pytest.raises(ConfigError, match="blind"):
        choose_next(open_study(audited.path), NextSample.FIND)


def test_an_audit_is_read_blind_first_until_it_ends_unless_the_protocol_is_kept(made):
    def protocol(*options):
        assert run_command("audit", made.path, *options).status == 0
        return open_study(made.path).protocol

    assert protocol("--max-wrong", "10%") == "blind"
    assert run_command("audit", made.path, "--keep-protocol").status == 2
    assert protocol("--seed", 1, "--new") == "blind"
    assert protocol("--end") == "open"
    assert protocol("--keep-protocol") == "open"
    assert protocol("--new") == "blind" and protocol("--new", "--keep-protocol") == "open"
    set_protocol(made.path, "blind")
    assert protocol("--new") == "blind" and protocol("--end") == "blind"


@pytest.mark.parametrize(
    ("num_blind", "num_open", "said"),
    [
        (3, 0, "Readers labelled each image alone before they saw its label or the model's."),
        (0, 3, "and could tell images that the model did not propose."),
        (2, 1, "did not propose, at 1 of 3 verdicts."),
    ],
)
def test_the_report_says_what_readers_saw_first(audited, tmp_path, num_blind, num_open, said):
    ids = order_of(audited)
    read(audited, ids[:num_blind], protocol="blind")
    read(audited, ids[num_blind : num_blind + num_open])
    run_command("report", audited.path, "--out", tmp_path / "report.html")
    assert said in html.unescape((tmp_path / "report.html").read_text())


def test_a_question_about_proposals_is_drawn_from_them(made):
    drawn = json.loads(run_command("audit", made.path, "--min-precision", "30%", "--json").out)
    scores = open_run(made).scores()
    proposed = set(scores.loc[scores["is_proposed"], "sample_id"])
    assert set(drawn_sample(made).ranks) <= proposed
    read(made, list(drawn_sample(made).ranks))
    while run_command("audit", made.path).out.count("more images are in the queue"):
        read(made, list(drawn_sample(made).ranks))
    now = audit_now(made)
    assert now.proposals.least_wrong[-1] <= len(wrong_labels(made)) == 20
    assert now.num_to_read in (0, None)
    assert [num for num, _ in audit_course(made)][-1] == now.proposals.num_read
    assert drawn["audit"]["num_planned"] <= 40


def test_a_plan_draws_nothing(made):
    plan = plan_audit(made, AuditQuestion(0.1))
    assert load_audit(made) is None
    opened = open_audit(made, AuditQuestion(0.1))
    assert opened.num_planned == plan.num_to_read and opened.num_census == plan.num_census


def test_the_pdf_says_what_is_recomputed_from_the_ledger(audited, tmp_path):
    read(audited, order_of(audited)[: load_audit(audited).num_drawn])
    read(audited, order_of(audited)[:30], reader="Ben")
    for name in ("one.pdf", "two.pdf"):
        run_command("report", audited.path, "--out", tmp_path / name)
    assert (tmp_path / "one.pdf").read_bytes() == (tmp_path / "two.pdf").read_bytes()
    pages = PdfReader(tmp_path / "one.pdf").pages
    text = " ".join(" ".join(page.extract_text() for page in pages).split())
    now = audit_now(open_study(audited.path))
    lines = [*statement_lines(now.statement, now.audit.question), proposal_line(now.proposals, now.audit.question)]
    for line in lines:
        assert f"{line[0].upper()}{line[1:]}." in text
    for tally in now.statement.tallies:
        assert f"{tally.stratum.name} {tally.stratum.size} {tally.num_read}" in text
    assert now.head.split(":")[0] in text and "CLAIM 18" in text and f"of {len(pages)} " in text
    for hidden in ("Ada", "Ben", "secret-patient"):
        assert hidden not in text


@pytest.mark.parametrize(
    ("name", "written", "has_note"),
    [
        ("Łódź – Žižka, Καρδιά, Лёгкие", "Łódź – Žižka, Καρδιά, Лёгкие", False),
        ("Z\u030cizka", "Žizka", False),
        ("肺 CT", "[U+80BA] CT", True),
    ],
)
def test_the_pdf_writes_the_letters_of_its_font_and_says_where_it_cannot(audited, tmp_path, name, written, has_note):
    save_study(replace(open_study(audited.path), name=name))
    run_command("report", audited.path, "--out", tmp_path / "a.pdf")
    pages = PdfReader(tmp_path / "a.pdf").pages
    assert written in pages[0].extract_text()
    assert ("font lacks" in pages[-1].extract_text()) is has_note
    run_command("report", audited.path, "--out", tmp_path / "a.html")
    assert name in (tmp_path / "a.html").read_text(encoding="utf-8")


def test_without_a_place_both_reports_go_into_the_study_and_the_command_says_where(audited, tmp_path):
    for _ in range(2):  # a later one takes the place of the one before
        ended = run_command("report", audited.path)
        assert ended.status == 0
        assert all(f"{audited.path / name}: " in ended.out for name in ("report.html", "report.pdf"))
    for kind in (".html", ".pdf"):
        run_command("report", audited.path, "--out", tmp_path / f"other{kind}")
        assert (audited.path / f"report{kind}").read_bytes() == (tmp_path / f"other{kind}").read_bytes()


def test_a_report_is_html_or_pdf(audited, tmp_path):
    refused = run_command("report", audited.path, "--out", tmp_path / "report.docx")
    assert refused.status == 2 and ".html or .pdf" in refused.err
