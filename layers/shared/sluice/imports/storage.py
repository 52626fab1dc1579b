"""The bucket that imports come from: boto3's client, loaded with the first question, and what files are made of.

A file is read from where it is wanted, by a range, and only as the version that the event told of (If-Match).
"""

from collections.abc import Iterator
from contextlib import closing
from functools import cached_property
from typing import Any

from sluice.settings import AwsSettings

BLOCK = 256 * 1024  # bytes
UPLOAD_SECONDS, DOWNLOAD_SECONDS = 3600, 900


class FileError(Exception):
    """The file cannot be imported, however often it is tried; the words are for whoever sent it."""


class ImportBucket:
    """One bucket. Errors of AWS that may pass are boto3's."""

    def __init__(self, settings: AwsSettings, name: str) -> None:
        self.name = name
        self._settings = settings

    @cached_property
    def _s3(self) -> Any:
        import boto3  # Lambda's runtime has it; 0.2 s, for those who need it
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
                # Without these a presigned URL names S3's global host, which redirects or refuses it outside us-east-1.
                # An emulator has one host name for all buckets, so it gets the bucket's name in the path.
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
        """Its connections; the next question opens another."""
        if "_s3" in vars(self):
            self._s3.close()
            del self._s3

    def stream(self, key: str, etag: str, start: int) -> Iterator[bytes]:
        """The object's bytes from `start` on. FileError where it is gone, or has been replaced."""
        from botocore.exceptions import ClientError

        try:
            answer = self._s3.get_object(
                Bucket=self.name, Key=key, IfMatch=f'"{etag}"', Range=f"bytes={start}-"
            )
        except ClientError as error:
            status = error.response["ResponseMetadata"]["HTTPStatusCode"]
            if status == 416:  # there is nothing beyond
                return
            if status == 404:
                raise FileError("the file is gone") from error
            if status == 412:
                raise FileError("the file was replaced while it waited to be imported") from error
            raise
        with closing(answer["Body"]) as body:
            yield from body.iter_chunks(BLOCK)

    def put(self, key: str, data: bytes, media_type: str) -> None:
        self._s3.put_object(Bucket=self.name, Key=key, Body=data, ContentType=media_type)

    def presigned_url(self, key: str, *, upload: bool = False) -> str:
        """A URL that lets whoever has it download the object, or `upload` it, for a while."""
        action, seconds = (
            ("put_object", UPLOAD_SECONDS) if upload else ("get_object", DOWNLOAD_SECONDS)
        )
        url: str = self._s3.generate_presigned_url(
            action, Params={"Bucket": self.name, "Key": key}, ExpiresIn=seconds
        )
        return url
