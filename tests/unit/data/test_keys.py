"""What is a key and what is none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arkitekt_next.data.keys import InvalidKey, Key, check, parse, past

GOOD = ("a", "a/b", "a..b/.c/..d/...", "ä ö/日本", "c/0/0.0.0", "zarr.json", "a" * 1024, "~", "%2e%2e", "$HOME;rm")
BAD = ("", "/", "a/", "/a", "a//b", ".", "..", "a/..", "../a", "a/./b", "a\\b", "a\0", "a\n", "\x7f", "\x85", "\ud800")


def test_keys_are_paths_that_go_down() -> None:
    for key in GOOD:
        check(key)
    for key in (*BAD, "a" * 1025, "ä" * 513, "\u2028", "\U0010ffff"):
        with pytest.raises(InvalidKey, match="expected"):
            check(key)


def test_a_key_says_whose_it_is() -> None:
    assert parse("team/t/i/a/b") == Key("t", "i", "a/b")
    assert str(parse("team/t/i/a/b")) == "team/t/i/a/b"
    for text in ("a", "team/t/i", "team/t", "tean/t/i/a", "TEAM/t/i/a"):
        with pytest.raises(InvalidKey):
            parse(text)


@given(st.text(min_size=1, max_size=4), st.text(max_size=4))
def test_the_text_past_a_prefix_is_above_all_that_begins_with_it(prefix: str, more: str) -> None:
    end = past(prefix)
    assert end is None or (prefix + more).encode() < end.encode()
    assert end is None or not end.startswith(prefix)


def test_the_text_past_a_prefix_is_the_least() -> None:
    assert past("team/a/") == "team/a0"
    assert past("\ud7ff") == "\ue000"
    assert past("a\U0010ffff") == "b"
    assert past("\U0010ffff") is None
