"""Pushing to connections, through API Gateway."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from mypy_boto3_apigatewaymanagementapi import ApiGatewayManagementApiClient


class Gone(Exception):
    """The connection is closed."""


class Push:
    """The connections of the WebSocket API."""

    def __init__(self, client: ApiGatewayManagementApiClient) -> None:
        self._client = client

    def send(self, connection_id: str, text: str) -> None:
        """Push a message. Raises Gone, ClientError."""
        try:
            self._client.post_to_connection(ConnectionId=connection_id, Data=text.encode())
        except ClientError as error:
            if error.response["Error"]["Code"] in ("GoneException", "410"):
                raise Gone(connection_id) from None
            raise

    def close(self, connection_id: str) -> None:
        """Close a connection; one that is closed already is closed."""
        try:
            self._client.delete_connection(ConnectionId=connection_id)
        except ClientError as error:
            if error.response["Error"]["Code"] not in ("GoneException", "410"):
                raise
