"""Starting the remediation saga of an incident."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from edge import clients
from edge.settings import FromEnvironment, read

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions import SFNClient

    from remediation.domain import Incident


class RemediationSettings(FromEnvironment):
    """The remediation saga."""

    remediation_saga_arn: str


class Remediations:
    """Starts remediation sagas by name; starting one again under the same name changes nothing."""

    def __init__(self, client: SFNClient, arn: str) -> None:
        self._client = client
        self._arn = arn

    def start(self, incident: Incident, name: str, correlation_id: str, traceparent: str | None) -> None:
        """Start a saga for an incident, unless an execution of this name exists. Raises ClientError."""
        work = {
            "saga": "remediation",
            "incident_id": incident.id,
            "order_id": incident.opened.order_id,
            "shipment_ids": [incident.opened.shipment_id],
            "correlation_id": correlation_id,
            "causation_id": None,
            "traceparent": traceparent,
        }
        try:
            self._client.start_execution(stateMachineArn=self._arn, name=name, input=json.dumps(work))
        except ClientError as error:
            if error.response["Error"]["Code"] != "ExecutionAlreadyExists":
                raise


@lru_cache(maxsize=1)
def remediations() -> Remediations:
    """The remediation saga of this stage."""
    return Remediations(clients.step_functions(), read(RemediationSettings).remediation_saga_arn)
