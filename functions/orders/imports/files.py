"""Uploaded files in S3: encrypted there, read in parts, and gone when their import is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_s3 import S3Client

PART_BYTES = 256 * 1024
LINK_LIFETIME_S = 3600
"""How long somebody may begin an upload with its link."""


class Files:
    """One object an import, named after it."""

    def __init__(self, client: S3Client, bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def keep(self, import_id: str, content: bytes) -> None:
        """Keep a file that came whole."""
        self._client.put_object(Bucket=self._bucket, Key=import_id, Body=content)

    def link(self, import_id: str) -> str:
        """Where a file of any size may be PUT by whoever has the link."""
        return self._client.generate_presigned_url(
            "put_object", Params={"Bucket": self._bucket, "Key": import_id}, ExpiresIn=LINK_LIFETIME_S
        )

    def read(self, import_id: str, start: int) -> Iterator[bytes]:
        """A file from a place on, in parts; nothing behind its end. Raises ClientError."""
        try:
            answer = self._client.get_object(Bucket=self._bucket, Key=import_id, Range=f"bytes={start}-")
        except ClientError as error:
            if error.response["Error"]["Code"] in ("InvalidRange", "416"):
                return
            raise
        yield from answer["Body"].iter_chunks(PART_BYTES)

    def remove(self, import_id: str) -> None:
        """Forget a file."""
        self._client.delete_object(Bucket=self._bucket, Key=import_id)
