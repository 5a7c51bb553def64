"""Support is checked, not claimed: what templates read and write against the types in the vendors' own SDKs."""

from __future__ import annotations

import pytest
from vendor_types.comparison import LISTED, compare, listed, missing, stale, unknown, unlisted
from vendor_types.vendor_members import of_members
from vendor_types.vendors import VENDORS, vocabularies

BOTH = ["unknown", "missing"]


@pytest.mark.parametrize("what", BOTH)
@pytest.mark.parametrize("dialect", VENDORS)
def test_templates_and_the_vendors_types_differ_only_where_a_reason_is_listed(dialect: str, what: str) -> None:
    """A name that the vendor does not know is a slip or an extension; one that no template mentions is a gap. Either
    needs a reason in vendor_fields.yaml."""
    assert unlisted(dialect, what, compare(dialect)[what]) == [], f"{what} in {dialect}: mend it or list it in {LISTED}"


@pytest.mark.parametrize("what", BOTH)
@pytest.mark.parametrize("dialect", VENDORS)
def test_no_exception_is_listed_that_nothing_needs(dialect: str, what: str) -> None:
    """A pattern that fits nothing any more would hide the next gap of its name."""
    assert stale(dialect, what, compare(dialect)[what]) == []


@pytest.mark.parametrize("dialect", VENDORS)
def test_each_exception_has_a_reason(dialect: str) -> None:
    """A reason is a sentence."""
    assert all(group["reason"].endswith(".") and group["at"] for groups in listed(dialect).values() for group in groups)


@pytest.mark.parametrize("dialect", VENDORS)
def test_a_name_that_the_vendor_does_not_have_is_found(dialect: str) -> None:
    """An invented member is caught at the root and within, and no pattern excuses it."""
    invented = {"invented_member", "messages.invented_member"}
    assert unknown(invented, vocabularies(dialect)["request"]) == invented
    names = frozenset(f"write_request/{name}" for name in invented)
    assert unlisted(dialect, "unknown", names) == sorted(names)


@pytest.mark.parametrize("dialect", VENDORS)
def test_a_member_that_the_vendor_adds_is_found(dialect: str) -> None:
    """A new member of the request is caught, and no pattern excuses it."""
    added = missing(set(), set(), of_members({"invented_member": str}))
    assert added == {"invented_member"}
    names = frozenset(f"write_request/{name}" for name in added)
    assert unlisted(dialect, "missing", names) == sorted(names)


def test_a_member_within_and_a_kind_are_missing_only_where_templates_look() -> None:
    """Members of objects that no template looks into are not asked for one by one, nor those of unknown kinds."""
    vendor = of_members({})
    vendor.edges |= {"usage", "usage.total", "trace", "trace.depth", "content", "content.text"}
    vendor.kinds |= {"content=text", "content=hologram"}
    assert missing({"usage", "usage.sum", "content", "content.type"}, {"text"}, vendor) == {
        "usage.total", "trace", "content=hologram",
    }  # fmt: skip


def test_a_pattern_that_fits_nothing_is_stale() -> None:
    """With no difference left, every exception is one too many."""
    assert stale("cohere", "missing", frozenset())
