"""Functions of auctions. Who seals a bid cannot open it: the two rights to the key are apart."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stacks.functions.spec import Spec, store_env
from stacks.grants import event_store, use_key

if TYPE_CHECKING:
    from stacks.data import DataStack
    from stacks.functions.spec import Sagas
    from stacks.stage import Stage


def tasks(stage: Stage, data: DataStack) -> dict[str, Spec]:
    """What the sagas call."""
    return {
        "auctions-tasks": Spec(
            "auctions.tasks.handler",
            {
                **store_env(stage, data),
                "BID_KEY_ID": data.bid_key.key_arn,
                "AUCTION_WINDOW_S": str(stage.auction_window_s),
            },
            [*event_store(data), use_key(data.bid_key, "Decrypt", "bids", stage)],
        ),
    }


def api(stage: Stage, data: DataStack, sagas: Sagas) -> dict[str, Spec]:
    """What answers HTTP."""
    return {
        "auctions-api": Spec(
            "auctions.api.handler",
            {**store_env(stage, data), "BID_KEY_ID": data.bid_key.key_arn},
            [*event_store(data), use_key(data.bid_key, "GenerateDataKey", "bids", stage)],
        ),
    }
