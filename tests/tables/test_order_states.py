"""Orders that came to nothing are in every export, and in no sum of sales."""

from __future__ import annotations

import pytest

from crm_analytics import CustomerBase


def opened(tmp_path, extra, mapping=None, amount=lambda i: 10):
    """A hundred lines; `extra` gives the further columns and their values on a line."""
    names, values = extra
    rows = [f"c{i % 9},2025-{1 + i // 25:02d}-{1 + i % 25:02d},{amount(i)},{values(i)}" for i in range(100)]
    path = tmp_path / "transactions.csv"
    path.write_text("\n".join([f"customer_id,transaction_date,unit_spend,{names}", *rows]))
    return CustomerBase.open(path, mapping=mapping, today="2026-06-01")


def of_kind(base, kind):
    return [f for f in base.findings if f.kind == kind]


@pytest.mark.parametrize(
    ("extra", "rows"),
    [
        (("status", lambda i: "cancelled" if i % 10 == 0 else "paid"), 10),
        (("Financial Status", lambda i: "Voided" if i % 20 == 0 else "paid"), 5),
        (("order_state", lambda i: ("refunded", "payment_failed", "complete", "complete")[i % 4]), 50),
        (("Belegart", lambda i: "Gutschrift" if i % 10 == 0 else "Rechnung"), 10),
        (("cancelled_at", lambda i: "2025-03-01" if i % 25 == 0 else ""), 4),
        (("returned", lambda i: "yes" if i % 25 == 0 else "no"), 4),
    ],
)
def test_lines_of_orders_that_came_to_nothing_are_told_with_their_money(tmp_path, extra, rows) -> None:
    (found,) = of_kind(opened(tmp_path, extra), "no_sale")
    assert (found.severity, found.rows, found.money) == ("serious", rows, 10.0 * rows)


@pytest.mark.parametrize(
    "extra",
    [
        ("payment_type", lambda i: "credit" if i % 10 == 0 else "cash"),
        ("status", lambda i: "partially_refunded" if i % 10 == 0 else "paid"),
        ("status", lambda i: "cancelled"),
        ("state", lambda i: ("Bavaria", "Ohio")[i % 2]),
        ("return_policy", lambda i: "30 days"),
        ("note", lambda i: "please cancel" if i % 10 == 0 else ""),
        ("is_voided", lambda i: "false"),
    ],
)
def test_other_columns_say_nothing(tmp_path, extra) -> None:
    assert not of_kind(opened(tmp_path, extra), "no_sale")


def test_lines_that_carry_the_sign_say_nothing(tmp_path) -> None:
    extra = ("type", lambda i: "refund" if i % 10 == 0 else "sale")
    assert not of_kind(opened(tmp_path, extra, amount=lambda i: -10 if i % 10 == 0 else 10), "no_sale")


@pytest.mark.parametrize(
    ("column", "word", "revenue"), [("status", "cancelled", 900.0), ("type", "Refund", 800.0)]
)
def test_the_line_of_mapping_settles_it(tmp_path, column, word, revenue) -> None:
    import tomllib

    extra = (column, lambda i: word if i % 10 == 0 else "sale")
    (found,) = of_kind(opened(tmp_path, extra), "no_sale")
    base = opened(tmp_path, extra, tomllib.loads(found.settles))
    assert not of_kind(base, "no_sale")
    assert base.counts["revenue"] == revenue


def test_money_given_back_in_a_column_of_its_own_is_told_and_taken_off(tmp_path) -> None:
    import tomllib

    extra = ("Amount Refunded", lambda i: "4.50" if i % 10 == 0 else "0.00")
    (found,) = of_kind(opened(tmp_path, extra), "refunds_left")
    assert (found.rows, found.money) == (10, 45.0)
    base = opened(tmp_path, extra, tomllib.loads(found.settles))
    assert base.counts["revenue"] == 955.0
    assert not of_kind(base, "refunds_left")


def test_a_state_that_may_name_a_person_is_counted_and_not_shown(tmp_path) -> None:
    (found,) = of_kind(
        opened(tmp_path, ("status", lambda i: "refund Ann Smith" if i % 50 == 0 else "ok")), "no_sale"
    )
    assert found.rows == 2
    assert "Ann" not in found.says + found.settles
