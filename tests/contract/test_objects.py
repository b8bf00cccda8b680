"""The store contract, on the hub's gateway and on an S3 server of others' making: the same tests, by settings alone."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from arkitekt_next.embedded import serve
from arkitekt_next.testing.objects_contract import ObjectsContract, Place
from tests.support import buckets
from tests.support.buckets import S3Server, s3_server
from tests.support.data import give, new_item
from tests.support.raw import sign_in


@pytest.fixture(scope="module")
def server() -> Iterator[Any]:
    with serve(log_level="error") as running:
        sign_in(running.url, running.folder, "web")
        yield running


@pytest.fixture(scope="module")
def others() -> Iterator[S3Server]:
    with s3_server() as server:
        yield server


@pytest.mark.requirement("data.store")
class TestGateway(ObjectsContract):
    @pytest.fixture
    def place(self, server: Any) -> Place:
        return give(server, new_item(server)).place


@pytest.fixture(scope="module")
def postgres_server(postgres_session: Any) -> Iterator[Any]:
    url = postgres_session.new_database()
    with serve(database_url=url, log_level="error") as running:
        sign_in(running.url, running.folder, "web")
        yield running
    postgres_session.drop_database(url)


@pytest.mark.requirement("data.store", "keep.databases")
class TestGatewayOnPostgres(ObjectsContract):
    @pytest.fixture
    def place(self, postgres_server: Any) -> Place:
        return give(postgres_server, new_item(postgres_server)).place


@pytest.mark.requirement("data.store")
class TestMoto(ObjectsContract):
    @pytest.fixture
    def place(self, others: S3Server) -> Place:
        prefix = f"team/{uuid.uuid4()}/{uuid.uuid4()}/"
        return Place(others.url, buckets.BUCKET, prefix, "us-east-1", buckets.KEY_ID, buckets.SECRET)


@pytest.fixture(scope="module")
def bucket_server(others: S3Server) -> Iterator[Any]:
    with serve(**others.settings(data_bucket=f"{buckets.BUCKET}/hub/one")) as running:
        sign_in(running.url, running.folder, "web")
        yield running


@pytest.mark.requirement("data.store", "data.bucket")
class TestGatewayOverBucket(ObjectsContract):
    @pytest.fixture
    def place(self, bucket_server: Any) -> Place:
        return give(bucket_server, new_item(bucket_server)).place
