"""AWS clients of an instance: the emulator's endpoint through localstack-client, which fits any such endpoint."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from localstack_client.session import Session

from local.instance import REGION

if TYPE_CHECKING:
    from local.instance import Instance


def client(instance: Instance, service: str) -> Any:  # boto3 makes its clients at run time
    """A client of a service on this instance's emulator."""
    session = Session(
        aws_access_key_id="test",
        aws_secret_access_key="test",  # noqa: S106  # the emulator takes any
        region_name=REGION,
        localstack_host=f"localhost:{instance.ports['emulator']}",
    )
    return session.client(service, endpoint_url=instance.endpoint)
