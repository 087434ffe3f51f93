"""The PDFs of documents in S3, each made once, and short-lived links to them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from collections.abc import Callable

    from mypy_boto3_s3 import S3Client

LINK_LIFETIME_S = 300
"""How long a link works, in seconds: long enough to follow it, too short to pass it on."""
_MISSING = frozenset({"404", "403", "NoSuchKey", "AccessDenied"})
"""What S3 answers for an object that is not there, to somebody who may not list the bucket."""


class Documents:
    """A bucket of PDFs."""

    def __init__(self, client: S3Client, bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def link(self, key: str, name: str, make: Callable[[], bytes]) -> str:
        """A link to a PDF under this key, which is made now if it never was; `name` is what a browser calls it."""
        if not self._is_there(key):
            self._client.put_object(Bucket=self._bucket, Key=key, Body=make(), ContentType="application/pdf")
        return self._client.generate_presigned_url(
            "get_object",
            Params={
                "Bucket": self._bucket,
                "Key": key,
                "ResponseContentDisposition": f'inline; filename="{name}"',
                "ResponseContentType": "application/pdf",
            },
            ExpiresIn=LINK_LIFETIME_S,
        )

    def _is_there(self, key: str) -> bool:
        try:
            self._client.head_object(Bucket=self._bucket, Key=key)
        except ClientError as error:
            if error.response["Error"]["Code"] in _MISSING:
                return False
            raise
        return True
