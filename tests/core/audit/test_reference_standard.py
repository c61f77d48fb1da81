from overread.audit.reference_standard import AuditFacts, asked_items

FACTS = AuditFacts(
    sample="A sample of all 90 labels.",
    protocol="All readings were blind first.",
    num_readers=2,
    num_twice=7,
    agreement="",
    disputes="An adjudicator settles them.",
    version="9.9",
)


def test_claim_s_items_have_the_numbers_of_its_2024_update():
    asked = {item.source: item.asked for item in asked_items(FACTS) if item.source.startswith("CLAIM")}
    words = {
        *(("10", "subsets"), ("12", "missing data"), ("14", "was obtained"), ("15", "chosen")),
        *(("16", "annotations come from"), ("17", "test set"), ("18", "within readers"), ("21", "sample size")),
    }
    assert asked.keys() == {f"CLAIM {number}" for number, _ in words}
    assert all(word in asked[f"CLAIM {number}"] for number, word in words)


def test_each_item_says_what_the_audit_knows_or_what_only_the_authors_do():
    items = {item.source: item for item in asked_items(FACTS)}
    assert all(item.answer or item.missing for item in asked_items(FACTS))
    assert not items["CLAIM 15"].answer
    assert (items["CLAIM 16"].answer, "qualifications" in items["CLAIM 16"].missing) == ("Readers: 2.", True)
    assert items["CLAIM 17"].answer == f"Overread 9.9. {FACTS.protocol}"
    assert items["CLAIM 18"].answer == f"No image was read by two readers. {FACTS.disputes}"
