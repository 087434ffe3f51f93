"""What tells and listens: the relays behind the streams, the consumers behind the bus, and the watch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import aws_events as events

from stacks.concern import Concern
from stacks.constructs.consumer import Consumer, feed
from stacks.constructs.minutely import Minutely
from stacks.constructs.partner_queue import PartnerQueue
from stacks.constructs.relay import StreamRelay
from stacks.constructs.service_function import service_functions
from stacks.functions import listening_functions

if TYPE_CHECKING:
    from constructs import Construct

    from stacks.data import DataStack
    from stacks.fulfilment import FulfilmentStack
    from stacks.stage import Stage

STARTS_SAGAS = (
    "order.received.v2",
    "order.edited.v1",
    "order.cancelling.v1",
    "order.cancel_declined.v1",
    "order.cancel_settled.v1",
    "order.held.v1",
    "order.hold_released.v1",
    "payment.concluded.v1",
    "shipment.dispatched.v1",
    "shipment.delivered.v1",
    "shipment.ready_for_pickup.v1",
    "shipment.picked_up.v1",
    "order.return_requested.v1",
    "return.rejected.v1",
    "return.cancelled.v1",
    "return.inspected.v1",
    "return.refund_requested.v1",
    "payment.refunded.v1",
)
FEEDS_INVOICING = ("payment.captured.v1", "payment.refunded.v1")
STARTS_REMEDIATION = ("shipment.short_picked.v1",)
IMPORTS_AT_ONCE = 2
"""Importers that may run side by side, each at its own pace; two is the least that Lambda takes."""
SHOWN = ("orderhub.orders", "orderhub.payments", "orderhub.fulfilment", "orderhub.remediation")
"""Sources whose events the board shows."""
CALLS_FOR_BIDS = ("auction.opened.v1",)
"""What the partners' queue brings them."""


class HubStack(Concern):
    """The hub's own functions."""

    def __init__(self, scope: Construct, stage: Stage, data: DataStack, fulfilment: FulfilmentStack) -> None:
        super().__init__(scope, "Hub", stage)
        self.functions = service_functions(self, stage, listening_functions(stage, data, fulfilment.sagas))
        self.dead = {
            name: StreamRelay(self, name, stage=stage, table=table, function=self.functions[name]).dead
            for name, table in {"relay": data.orders, "inventory-relay": data.inventory}.items()
        }
        for name, pattern in {
            "saga-starter": events.EventPattern(detail_type=list(STARTS_SAGAS)),
            "remediation-starter": events.EventPattern(detail_type=list(STARTS_REMEDIATION)),
            "board": events.EventPattern(source=list(SHOWN)),
            "invoice-feed": events.EventPattern(detail_type=list(FEEDS_INVOICING)),
            "flow": events.EventPattern(source=["orderhub.orders"]),
        }.items():
            consumer = Consumer(self, name, stage=stage, bus=data.bus, pattern=pattern, function=self.functions[name])
            self.dead[name] = consumer.dead
        pattern = events.EventPattern(detail_type=list(CALLS_FOR_BIDS))
        self.dead["bidders"] = PartnerQueue(self, "bidders", stage=stage, bus=data.bus, pattern=pattern, lifetime_s=60).dead
        feed(self, stage=stage, queue=data.import_files.queue, function=self.functions["importer"], at_once=IMPORTS_AT_ONCE)
        data.import_files.acknowledge_for(self.functions["importer"])
        self.dead["imports"] = data.import_files.dead
        purpose = "Looks for orders that wait for something that did not come"
        self.dead["watch"] = Minutely(self, "watch", stage=stage, function=self.functions["watch"], purpose=purpose).dead
        purpose = "Ends reservations that ran out, and gathers stock that went quiet"
        sweep = Minutely(self, "inventory-sweep", stage=stage, function=self.functions["inventory-relay"], purpose=purpose)
        self.dead["inventory-sweep"] = sweep.dead
