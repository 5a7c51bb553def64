"""Losses are told in a header that can never break an answer, or refused with an error that names them all."""

import re

import pytest

from handlers.engine.errors import InvalidRequest
from handlers.engine.losses import LOG_LIMIT, Loss, check, header_value


def unsupported(*names):
    return [Loss("unsupported", name) for name in names]


def test_each_loss_is_a_word_and_a_name():
    losses = [Loss("unsupported", "seed"), Loss("compatibility", "messages[2]"), Loss("default", "max_tokens", "8192")]
    assert header_value(losses) == "unsupported seed, compatibility messages[2], default max_tokens 8192"


def test_places_that_differ_by_their_index_fold_into_one():
    losses = [*unsupported(*(f"messages[{at}].audio" for at in range(28))), *unsupported("seed"), *unsupported("seed")]
    assert header_value(losses) == "unsupported messages[*].audio x28, unsupported seed"


def test_many_that_are_told_as_one_are_counted():
    many = [Loss("unsupported", "messages[*].audio", times=28_000), *unsupported("messages[2].audio", "seed")]
    assert header_value(many) == "unsupported messages[*].audio x28001, unsupported seed"


@pytest.mark.parametrize(("name", "shown"), [
    ("a\r\nSet-Cookie: x", "a%0D%0ASet-Cookie:%20x"),
    ("grüße", "gr%C3%BC%C3%9Fe"),
    ("a,b", "a%2Cb"),
    ("50%", "50%25"),
    ("\x00", "%00"),
    ("\ud800", "%3F"),
])  # fmt: skip
def test_names_are_visible_ascii_whatever_the_client_wrote(name, shown):
    """A line break in a header makes a server close the connection without an answer."""
    assert header_value(unsupported(name)) == f"unsupported {shown}"


def test_the_header_has_a_limit_and_counts_what_does_not_fit():
    value = header_value(unsupported(*(f"member_{at}_of_many" for at in range(5000))))
    assert len(value) <= 2048
    told = value.count("unsupported ")
    assert value.endswith(f", +{5000 - told} more")


def test_one_endless_name_is_cut():
    value = header_value(unsupported("x" * 1_000_000, "seed"))
    assert re.fullmatch(r"unsupported x{160}\.\.\., unsupported seed", value)


def test_no_losses_are_an_empty_value():
    assert header_value([]) == ""


def test_a_marked_loss_is_refused_and_all_such_are_named_defect_128():
    losses = [Loss("unsupported", "seed"), Loss("unsupported", "n", refuse=True, pointer="/n"),
              Loss("unsupported", "messages[0].audio", refuse=True, pointer="/messages/0/audio")]  # fmt: skip
    with pytest.raises(InvalidRequest) as refused:
        check(losses)
    assert refused.value.status == 400
    assert refused.value.code == "unsupported_loss"
    assert refused.value.param == "/n"
    assert "unsupported n, unsupported messages[0].audio" in refused.value.message
    assert "seed" not in refused.value.message


def test_a_caller_may_want_every_loss_refused():
    losses = [Loss("unsupported", "seed", pointer="/seed")]
    check(losses)
    with pytest.raises(InvalidRequest) as refused:
        check(losses, "refuse")
    assert refused.value.param == "/seed"


def test_a_pointer_escapes_what_a_name_may_hold():
    loss = Loss.at("unsupported", ("extra", "a/b~c", 0))
    assert loss.pointer == "/extra/a~1b~0c/0"
    assert loss.name == "extra.a/b~c[0]"


def test_the_log_has_room_for_more_of_them():
    losses = unsupported(*(f"member{at}" for at in range(500)))
    assert "more" in header_value(losses)
    assert header_value(losses, LOG_LIMIT).count("unsupported") == 500
