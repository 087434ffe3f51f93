"""What a channel may say of how an order is paid: one payment, or several that come to what it costs."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from orders import events as ev
from orders.commands import PlaceOrder
from orders.service import _received
from tests.examples import body, money


def several(*payments: dict[str, Any]) -> dict[str, Any]:
    """The example order, which costs 1300, paid by several."""
    return body(payment=None, payments=list(payments))


def card(amount: int | None = None) -> dict[str, Any]:
    return {"method": "card", "token": "tok_ok", **({} if amount is None else {"amount": money(amount)})}


def gift(amount: int | None = None) -> dict[str, Any]:
    return {"method": "gift_card", "token": "gift_500", **({} if amount is None else {"amount": money(amount)})}


@pytest.mark.parametrize(
    "order",
    [body(), several(card()), several(card(1300)), several(gift(500), card()), several(gift(500), card(800)), several(gift())],
)
def test_payments_that_come_to_what_the_order_costs_are_taken(order: dict[str, Any]) -> None:
    assert PlaceOrder.model_validate(order).grand_total == 1300


@pytest.mark.parametrize(
    ("order", "says"),
    [
        (body(payments=[card()]), "one of the two"),
        (body(payment=None), "one of the two"),
        (several(gift(), card()), "at most one"),
        (several(gift(500), card(799)), "do not add up"),
        (several(gift(500), card(801)), "do not add up"),
        (several(gift(1400), card()), "do not add up"),
        (several(gift(1300), card()), "leave nothing"),
        (several(gift(0), card()), "payment of nothing"),
        (several({**card(1300), "amount": money(1300, "EUR")}), "one currency"),
        (several(*[card(130)] * 11), "at most 10"),
    ],
)
def test_payments_that_do_not_are_refused(order: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        PlaceOrder.model_validate(order)


def test_a_reader_that_knows_one_payment_finds_the_one_that_takes_the_rest() -> None:
    received = _received(PlaceOrder.model_validate(several(card(), gift(500))), "entry")
    assert received.payment == ev.PaymentMethod(method="card", token="tok_ok")
    assert [(method.method, method.amount) for method in received.payments] == [("card", None), ("gift_card", 500)]
    assert _received(PlaceOrder.model_validate(body()), "entry").payments == ()
