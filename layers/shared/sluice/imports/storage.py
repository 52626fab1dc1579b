"""Access the S3 bucket of imports. boto3 is imported with the first call.

A file is read with a Range header, from the offset where an import resumes. With If-Match, S3
rejects the request if the object has been replaced since its S3 event.
"""

from collections.abc import Iterator
from contextlib import closing
from functools import cached_property
from typing import Any

from sluice.settings import AwsSettings

BLOCK_BYTES = 256 * 1024
UPLOAD_URL_SECONDS = 3600
DOWNLOAD_URL_SECONDS = 900


class FileError(Exception):
    """The file cannot be imported, and retrying does not help. Clients see the message."""


class ImportBucket:
    """One bucket. Methods raise boto3's exceptions for errors of AWS that can be retried."""

    def __init__(self, settings: AwsSettings, name: str) -> None:
        self.name = name
        self._settings = settings

    @cached_property
    def _s3(self) -> Any:
        import boto3  # part of Lambda's runtime; its import takes 0.2 s, so only imports load it
        from botocore.config import Config

        return boto3.client(
            "s3",
            region_name=self._settings.region or None,
            aws_access_key_id=self._settings.access_key_id or None,
            aws_secret_access_key=self._settings.secret_access_key or None,
            aws_session_token=self._settings.session_token or None,
            endpoint_url=self._settings.s3_endpoint or None,
            verify=self._settings.ca_file or None,
            config=Config(
                signature_version="s3v4",
                # Otherwise a presigned URL names S3's global host, which redirects or rejects it
                # outside us-east-1. An emulator has one host for all buckets, so there the bucket
                # is part of the path.
                s3={
                    "addressing_style": "path" if self._settings.s3_endpoint else "virtual",
                    "us_east_1_regional_endpoint": "regional",
                },
                use_fips_endpoint=self._settings.fips,
                retries={"max_attempts": 3},
                connect_timeout=5,
                read_timeout=20,
            ),
        )

    def close(self) -> None:
        """Close the connections. The next call opens new ones."""
        if "_s3" in vars(self):
            self._s3.close()
            del self._s3

    def stream(self, key: str, etag: str, start: int) -> Iterator[bytes]:
        """Yield the object's bytes from `start` on, in blocks.

        Raises FileError if the object was deleted or replaced.
        """
        from botocore.exceptions import ClientError

        try:
            response = self._s3.get_object(
                Bucket=self.name, Key=key, IfMatch=f'"{etag}"', Range=f"bytes={start}-"
            )
        except ClientError as error:
            status = error.response["ResponseMetadata"]["HTTPStatusCode"]
            if status == 416:  # `start` is the end of the object
                return
            if status == 404:
                raise FileError("the file is gone") from error
            if status == 412:
                raise FileError("the file was replaced while it waited to be imported") from error
            raise
        with closing(response["Body"]) as body:
            yield from body.iter_chunks(BLOCK_BYTES)

    def put(self, key: str, data: bytes, media_type: str) -> None:
        """Upload an object."""
        self._s3.put_object(Bucket=self.name, Key=key, Body=data, ContentType=media_type)

    def presigned_url(self, key: str, *, upload: bool = False) -> str:
        """Return a URL with which a client can download the object for 15 minutes.

        With `upload`, the client can upload the object for an hour.
        """
        if upload:
            action, seconds = "put_object", UPLOAD_URL_SECONDS
        else:
            action, seconds = "get_object", DOWNLOAD_URL_SECONDS
        parameters = {"Bucket": self.name, "Key": key}
        url: str = self._s3.generate_presigned_url(action, Params=parameters, ExpiresIn=seconds)
        return url
