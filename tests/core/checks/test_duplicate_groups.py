from overread.checks.duplicate_groups import merge_duplicate_groups


def test_near_duplicates_come_with_their_copies_and_other_copies_by_themselves():
    pictures = merge_duplicate_groups([("a", "b"), ("x", "y", "z")], [("a", "b", "c")], num_images=30)
    assert pictures == [("a", "b", "c"), ("x", "y", "z")]


def test_a_scene_that_much_of_the_study_shows_is_no_picture_but_copies_in_it_are():
    scene = tuple(f"s{i}" for i in range(40))
    assert merge_duplicate_groups([("s3", "s4")], [scene, ("p", "q")], num_images=300) == [("p", "q"), ("s3", "s4")]
    assert merge_duplicate_groups([], [scene], num_images=500) == [scene]
    assert merge_duplicate_groups([], [tuple("abcd")], num_images=10) == [tuple("abcd")]
    assert merge_duplicate_groups([], [tuple(map(str, range(60)))], num_images=10_000) == []
