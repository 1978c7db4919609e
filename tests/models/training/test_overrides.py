import pytest

from models.training.overrides import override


@pytest.mark.parametrize(
    ("words", "config"),
    [
        ("seed=2", {"seed": 2, "schedule": {"steps": 5}}),
        ("schedule.steps=7", {"seed": 1, "schedule": {"steps": 7}}),
        ("task.jitter=0.5", {"seed": 1, "schedule": {"steps": 5}, "task": {"jitter": 0.5}}),
        ("sources=[a, b]", {"seed": 1, "schedule": {"steps": 5}, "sources": ["a", "b"]}),
        ("only=[a=b]", {"seed": 1, "schedule": {"steps": 5}, "only": ["a=b"]}),
    ],
)
def test_a_value_replaces_that_of_the_recipe(words, config):
    recipe = {"seed": 1, "schedule": {"steps": 5}}

    assert override(recipe, [words]) == config
    assert recipe == {"seed": 1, "schedule": {"steps": 5}}


def test_of_two_values_the_later_one_counts():
    assert override({"seed": 1}, ["seed=2", "seed=3"]) == {"seed": 3}


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("schedule.steps", "write KEY=VALUE"),
        ("seed.steps=1", "what is before 'steps' holds no keys"),
    ],
)
def test_words_that_set_nothing_are_named(words, told):
    with pytest.raises(ValueError, match=rf"'{words}' sets nothing: {told}"):
        override({"seed": 1}, [words])
