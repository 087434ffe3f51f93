"""Functions of invoicing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stacks.functions.spec import CONSUMER_TIMEOUT_S, Spec, store_env
from stacks.grants import event_store, on_objects, on_table

if TYPE_CHECKING:
    from stacks.data import DataStack
    from stacks.functions.spec import Sagas
    from stacks.stage import Stage

_EVERY_DOCUMENT = "AwsSolutions-IAM5[Resource::OrderHub-{stage}-Data:ExportsOutputFnGetAttDocuments7E5B2978Arn159F38C5/*]"
"""The finding, which names the bucket as the data stack exports it."""


def listeners(stage: Stage, data: DataStack, sagas: Sagas) -> dict[str, Spec]:
    """What issues documents for the money that moved."""
    return {
        "invoice-feed": Spec("hub.invoice_feed.handler", store_env(stage, data), event_store(data), CONSUMER_TIMEOUT_S),
    }


def api(stage: Stage, data: DataStack, sagas: Sagas) -> dict[str, Spec]:
    """What answers HTTP: it reads the events, and keeps PDFs."""
    return {
        "invoicing-api": Spec(
            "invoicing.api.handler",
            {"ORDERS_TABLE": data.orders.table_name, "DOCUMENTS_BUCKET": data.documents.bucket_name},
            [on_table(data.orders, "Query"), on_objects(data.documents, "GetObject", "PutObject")],
            library="documents",
            acknowledged={_EVERY_DOCUMENT.format(stage=stage.name): "Every document of the one bucket, and not the bucket."},
        ),
    }
