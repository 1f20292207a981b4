"""Records of training: what stays, and what is told once."""

from worldsim.training.history import lean

EYES = {"steps": 5, "data": ["a"]}


def test_a_tokenizer_out_of_a_world_is_told_by_its_own_training() -> None:
    world = {"tokenizer": EYES, "steps": 7}
    assert lean({"tokenizer": world, "steps": 9}) == {"tokenizer": EYES, "steps": 9}


def test_starts_with_the_same_tokenizer_do_not_repeat_it_and_others_do() -> None:
    before = {"tokenizer": EYES, "steps": 7, "start": {"tokenizer": {"steps": 1}, "steps": 3}}
    told = lean({"tokenizer": EYES, "steps": 9, "start": before})
    assert told["start"] == {"steps": 7, "start": {"tokenizer": {"steps": 1}, "steps": 3}}
    assert before["tokenizer"] == EYES, "what was given stays as it was"


def test_ten_stages_from_one_another_stay_short() -> None:
    record = {"tokenizer": EYES, "steps": 0}
    for step in range(10):
        record = lean({"tokenizer": record, "start": record, "steps": step + 1})
    assert str(record).count("data") == 1 and str(record).count("steps") == 12
    assert lean(record) == record
