"""One order per idempotency key, a replay is the first answer to the byte, and a key with another body is refused."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from edge.aggregates import Aggregates, Command
from edge.fast_lane import RelayOnly
from edge.http import fingerprint
from kernel.clock import SystemClock
from kernel.errors import Conflict, Invalid
from kernel.ids import derived_id
from orders import domain
from orders.commands import PlaceOrder
from orders.service import Orders, PersonalData
from orders.shapes import order_out
from tests.examples import CAUSE, body, line
from tests.memory import Killed, MemoryClaims, MemoryStore, MemoryVault

BODIES = [body(external_id=f"A-{number}", lines=[line(quantity=quantity)]) for number in (1, 2) for quantity in (1, 2)]
KEYS = [("shop", "key-1"), ("shop", "key-2"), ("shop", "key-3"), ("till", "key-1")]


class Dying:
    """Dies right before or right after its nth write, as a process does."""

    def __init__(self, real: Any, left: list[int]) -> None:
        self._real, self._left = real, left

    def __getattr__(self, name: str) -> Any:
        call = getattr(self._real, name)
        if name not in ("append", "claim", "put"):
            return call

        def counted(*arguments: Any) -> Any:
            self._left[0] -= 1
            if self._left[0] == 0:
                raise Killed
            done = call(*arguments)
            self._left[0] -= 1
            if self._left[0] == 0:
                raise Killed
            return done

        return counted


class Placing(RuleBasedStateMachine):
    """Channels that send, lose the answer, send again, mix keys up, and a process that dies anywhere."""

    def __init__(self) -> None:
        super().__init__()
        self.store, self.claims, self.vault = MemoryStore(), MemoryClaims(), MemoryVault()
        self.answers: dict[tuple[str, str], tuple[str, bytes]] = {}
        """By caller and key: the fingerprint of the body that was answered, and the answer."""

    @rule(key=st.sampled_from(KEYS), sent=st.sampled_from(BODIES), dies_at=st.integers(0, 7))
    def place(self, key: tuple[str, str], sent: dict[str, Any], dies_at: int) -> None:
        print_ = fingerprint(sent)
        try:
            answer = self.send(key, sent, dies_at)
        except Killed:
            return
        except (Invalid, Conflict) as refusal:
            self.was_refused_for_a_reason(refusal, key, print_)
            return
        known = self.answers.setdefault(key, (print_, answer))
        assert known == (print_, answer), "a replay is the first answer, byte for byte"

    def was_refused_for_a_reason(self, refusal: Invalid | Conflict, key: tuple[str, str], print_: str) -> None:
        reused = self.claims.held[key[0], "place-order", key[1]].fingerprint != print_
        assert refusal.code == ("idempotency_key_reused" if reused else "duplicate_external_id")
        if reused:
            return
        first = self.store.commits(refusal.extra["order_id"])[0]
        assert (first.key, first.fingerprint) != (key[1], print_)

    def send(self, key: tuple[str, str], sent: dict[str, Any], dies_at: int) -> bytes:
        caller, name = key
        left = [dies_at]
        store: Any = Dying(self.store, left)
        claims: Any = Dying(self.claims, left)
        vault: Any = Dying(self.vault, left)
        orders = Orders(Aggregates(store, RelayOnly(), SystemClock(), domain.fold, "order", "ord"), SystemClock())
        command = Command("place-order", CAUSE, name, fingerprint(sent))
        done = orders.place(PlaceOrder.model_validate(sent), command, caller, claims, PersonalData(vault, vault, vault))
        return order_out(done.state, done.version).model_dump_json().encode()

    @invariant()
    def one_order_per_channel_and_external_id(self) -> None:
        placed = {(c[0].events[0].data.channel, c[0].events[0].data.external_id): i for i, c in self.store.streams.items()}  # type: ignore[attr-defined]
        assert len(placed) == len(self.store.streams)
        assert all(order_id == derived_id("ord", *names) for names, order_id in placed.items())

    @invariant()
    def every_key_leads_to_one_order(self) -> None:
        orders = [(commits[0].key, order_id) for order_id, commits in self.store.streams.items()]
        for (_, _, key), claim in self.claims.held.items():
            mine = [order_id for made_by, order_id in orders if made_by == key and order_id == claim.resource]
            assert len(mine) <= 1

    @invariant()
    def no_order_without_its_personal_data(self) -> None:
        for order_id, commits in self.store.streams.items():
            entry: str = commits[0].events[0].data.vault_entry  # type: ignore[attr-defined]
            assert (order_id, entry) in self.vault.entries

    def teardown(self) -> None:
        """Whoever was cut off sends again, and gets an order or a reason."""
        for key in KEYS:
            for sent in BODIES:
                self.place(key, sent, 0)


TestPlacing = Placing.TestCase
