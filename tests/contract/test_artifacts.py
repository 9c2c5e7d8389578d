"""What every artifact store promises: in a folder, in memory, and on S3."""

import asyncio
import hashlib
import itertools
from datetime import timedelta

import pytest
from obstore.store import LocalStore, MemoryStore, S3Store
from s3_server import REGION, S3Server
from tables import row, table

from eventjob.artifacts.store import RENEWED_AFTER, ArtifactCorrupt, ArtifactMissing, Artifacts

DATA = b"0123456789"
SHA256 = hashlib.sha256(DATA).hexdigest()
UNKNOWN = "0" * 64
_numbers = itertools.count()
MOMENT = timedelta(seconds=30)  # longer than any of these tests takes


@pytest.fixture(scope="session")
def s3_server():
    with S3Server() as server:
        yield server


@pytest.fixture(params=["file", "memory", "s3"])
def store(request, tmp_path):
    if request.param == "file":
        return LocalStore(tmp_path / "store", mkdir=True)
    if request.param == "memory":
        return MemoryStore()
    server = request.getfixturevalue("s3_server")
    bucket = f"test-{next(_numbers)}"
    server.make(bucket)
    return S3Store(
        bucket,
        prefix="of/ours",
        endpoint=server.url,
        region=REGION,
        access_key_id="tests",
        secret_access_key="nothing",  # noqa: S106 - it takes any
        client_options={"allow_http": True},
    )


@pytest.fixture
def artifacts(store, clock):
    return Artifacts(store, clock)


def stored(store):
    """The store's objects: path to size."""
    return {meta["path"]: meta["size"] for page in store.list() for meta in page}


async def replace(store, sha256, data):
    """Damage a blob, behind the back of `Artifacts`."""
    await store.put_async(f"blobs/{sha256[:2]}/{sha256[2:4]}/{sha256}", data)


async def read(artifacts, *args, **kwargs):
    return [bytes(chunk) async for chunk in artifacts.stream(*args, **kwargs)]


async def test_what_is_put_can_be_had(artifacts):
    assert await artifacts.put(DATA) == SHA256
    assert await artifacts.get(SHA256) == DATA
    assert await artifacts.size(SHA256) == 10
    assert await read(artifacts, SHA256) == [DATA]


async def test_an_empty_blob_is_one(artifacts):
    sha256 = await artifacts.put(b"")
    assert await artifacts.get(sha256) == b""
    assert await artifacts.size(sha256) == 0
    assert await read(artifacts, sha256) == [b""]


async def test_a_file_is_put_like_its_bytes(artifacts, store, tmp_path):
    data = bytes(range(256)) * 50_000  # more than one part of an upload
    (tmp_path / "file").write_bytes(data)
    expected = hashlib.sha256(data).hexdigest()
    assert await artifacts.put_file(tmp_path / "file") == expected
    assert await artifacts.put_file(tmp_path / "file", expected) == expected
    assert await artifacts.get(expected) == data
    assert len(stored(store)) == 1


async def test_a_file_that_is_not_what_it_should_be_is_not_stored(artifacts, store, tmp_path):
    (tmp_path / "file").write_bytes(DATA)
    with pytest.raises(ValueError, match=rf"file has the sha256 {SHA256}, not {UNKNOWN}"):
        await artifacts.put_file(tmp_path / "file", UNKNOWN)
    assert stored(store) == {}


async def test_a_file_that_is_not_there_is_no_fault_of_the_store(artifacts, tmp_path):
    with pytest.raises(FileNotFoundError):
        await artifacts.put_file(tmp_path / "missing")


async def test_the_same_bytes_are_stored_once(artifacts, store):
    await asyncio.gather(*(artifacts.put(DATA) for _ in range(20)))
    assert stored(store) == {f"blobs/{SHA256[:2]}/{SHA256[2:4]}/{SHA256}": 10}


@table(
    "start, end, expected",
    row("the first bytes", 0, 4, b"0123"),
    row("some bytes", 3, 7, b"3456"),
    row("the last byte", 9, None, b"9"),
    row("all bytes", 0, 10, DATA),
)
async def test_a_range_of_bytes(artifacts, start, end, expected):
    await artifacts.put(DATA)
    assert b"".join(await read(artifacts, SHA256, start, end)) == expected


@pytest.mark.parametrize(("start", "end"), [(0, 0), (5, 4), (10, None), (0, 11), (-1, None)])
async def test_a_range_outside_the_blob_is_refused(artifacts, start, end):
    await artifacts.put(DATA)
    with pytest.raises(ValueError, match=rf"no bytes {start} to .* in artifact {SHA256} of 10"):
        await read(artifacts, SHA256, start, end)


async def test_a_big_blob_comes_in_chunks(artifacts):
    data = bytes(1_000_000)
    chunks = await read(artifacts, await artifacts.put(data), chunk_size=200_000)
    assert b"".join(chunks) == data
    assert all(len(chunk) >= 200_000 for chunk in chunks[:-1])


async def test_what_was_never_put_is_missing(artifacts):
    for attempt in (artifacts.get(UNKNOWN), artifacts.size(UNKNOWN), read(artifacts, UNKNOWN)):
        with pytest.raises(ArtifactMissing, match=f"there is no artifact {UNKNOWN}"):
            await attempt


async def test_a_deleted_blob_is_missing(artifacts):
    await artifacts.put(DATA)
    await artifacts.delete(SHA256)
    await artifacts.delete(SHA256)  # safe to run twice
    with pytest.raises(ArtifactMissing):
        await artifacts.get(SHA256)


async def test_corrupt_content_is_never_had(artifacts, store):
    await artifacts.put(DATA)
    await replace(store, SHA256, b"9876543210")
    with pytest.raises(ArtifactCorrupt, match=f"artifact {SHA256} is corrupt"):
        await artifacts.get(SHA256)


async def test_a_truncated_blob_is_repaired_by_the_next_put(artifacts, store):
    await artifacts.put(DATA)
    await replace(store, SHA256, b"0123")
    await artifacts.put(DATA)
    assert await artifacts.get(SHA256) == DATA


async def test_a_blob_grows_old(artifacts, clock):
    await artifacts.put(DATA)
    assert not await artifacts.is_older(SHA256, MOMENT)
    clock.ahead = timedelta(hours=1)
    assert await artifacts.is_older(SHA256, timedelta(minutes=59))
    assert not await artifacts.is_older(SHA256, timedelta(minutes=61))


async def test_what_is_not_there_is_not_old(artifacts):
    assert not await artifacts.is_older(UNKNOWN, timedelta())


async def test_putting_an_old_blob_again_makes_it_young(artifacts, store, clock, tmp_path):
    await artifacts.put(DATA)
    await replace(store, SHA256, b"9876543210")  # the mark by which a rewrite is seen
    await artifacts.put(DATA)
    with pytest.raises(ArtifactCorrupt):
        await artifacts.get(SHA256)  # young: not written again
    clock.ahead = RENEWED_AFTER + MOMENT
    (tmp_path / "file").write_bytes(DATA)
    await artifacts.put_file(tmp_path / "file")
    assert await artifacts.get(SHA256) == DATA


@table("sha256", "", "abc", SHA256.upper(), SHA256 + "\n", "../" + SHA256[3:], SHA256 + "0")
async def test_what_is_no_sha256_never_becomes_a_path(artifacts, sha256):
    attempts = [
        lambda: artifacts.get(sha256),
        lambda: artifacts.size(sha256),
        lambda: artifacts.delete(sha256),
        lambda: artifacts.is_older(sha256, timedelta()),
        lambda: read(artifacts, sha256),
    ]
    for attempt in attempts:
        with pytest.raises(ValueError, match="expected a sha256 in lower-case hex"):
            await attempt()
