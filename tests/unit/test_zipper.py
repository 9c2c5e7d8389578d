"""The ZIP: what is in it, that it is always the same, and what it refuses."""

import asyncio
import hashlib
import json
import random
import zipfile

import pytest
from obstore.store import MemoryStore
from tables import row, table

from eventjob.artifacts.store import Artifacts, ArtifactsUnavailable
from eventjob.contracts.base import FileRef
from services.archiver.readme import session_readme
from services.archiver.zipper import BrokenMember, build_zip

MARKDOWN = b"# Closing\n" * 1000
SLIDES = b"%PDF-1.7 " * 1000
README = "# Closing\n"


@pytest.fixture
def artifacts():
    return Artifacts(MemoryStore())


@pytest.fixture
def target(tmp_path):
    return tmp_path / "session.zip"


def ref(path, content=b"x", media_type="text/markdown", source_url=None):
    return FileRef(
        path=path,
        sha256=hashlib.sha256(content).hexdigest(),
        size_bytes=len(content),
        media_type=media_type,
        source_url=source_url,
    )


FILES = [
    ref("E/T/closing.md", MARKDOWN),
    ref("E/T/closing/slides.pdf", SLIDES, "application/pdf", "https://example.org/s.pdf"),
    ref("E/T/closing/empty.txt", b"", "text/plain; charset=utf-8"),
]


async def stored(artifacts):
    for content in (MARKDOWN, SLIDES, b""):
        await artifacts.put(content)
    return artifacts


async def test_the_zip_has_all_files_in_order_with_readme_and_manifest(artifacts, target):
    await build_zip(await stored(artifacts), FILES, README, target)
    with zipfile.ZipFile(target) as archive:
        assert archive.testzip() is None
        content = {name: archive.read(name) for name in archive.namelist()}
    assert list(content) == [
        "E/T/closing.md",
        "E/T/closing/empty.txt",
        "E/T/closing/slides.pdf",
        "README.md",
        "manifest.json",
    ]
    assert content["E/T/closing.md"] == MARKDOWN
    assert content["E/T/closing/slides.pdf"] == SLIDES
    assert content["README.md"] == README.encode()


async def test_the_manifest_lists_every_file_but_itself(artifacts, target):
    await build_zip(await stored(artifacts), FILES, README, target)
    with zipfile.ZipFile(target) as archive:
        manifest = json.loads(archive.read("manifest.json"))
    files = sorted([*FILES, ref("README.md", README.encode())], key=lambda file: file.path)
    assert manifest == {
        "schema": "event-session-archive/1",
        "files": [
            {
                "path": file.path,
                "bytes": file.size_bytes,
                "sha256": file.sha256,
                "media_type": file.media_type,
                "source_url": file.source_url,
            }
            for file in files
        ],
    }


async def test_times_modes_and_methods_are_fixed(artifacts, target):
    await build_zip(await stored(artifacts), FILES, README, target)
    with zipfile.ZipFile(target) as archive:
        entries = archive.infolist()
    assert {entry.date_time for entry in entries} == {(1980, 1, 1, 0, 0, 0)}
    assert {entry.external_attr >> 16 for entry in entries} == {0o100644}
    assert {entry.create_system for entry in entries} == {3}
    stored_entries = [e.filename for e in entries if e.compress_type == zipfile.ZIP_STORED]
    assert stored_entries == ["E/T/closing/slides.pdf"]


async def test_the_same_files_give_the_same_bytes(artifacts, tmp_path):
    await stored(artifacts)
    shuffled = random.Random(1).sample(FILES, len(FILES))
    first = await build_zip(artifacts, FILES, README, tmp_path / "first.zip")
    second = await build_zip(artifacts, shuffled, README, tmp_path / "second.zip")
    content = first.path.read_bytes()
    assert second.path.read_bytes() == content
    assert first.sha256 == second.sha256 == hashlib.sha256(content).hexdigest()
    assert first.size_bytes == second.size_bytes == len(content)


@table(
    "media_type, method",
    ("Text/VTT", zipfile.ZIP_DEFLATED),
    ("application/json", zipfile.ZIP_DEFLATED),
    ("application/xml; charset=utf-8", zipfile.ZIP_DEFLATED),
    ("image/svg+xml", zipfile.ZIP_DEFLATED),
    ("application/ld+json", zipfile.ZIP_DEFLATED),
    ("image/png", zipfile.ZIP_STORED),
    ("application/zip", zipfile.ZIP_STORED),
    ("application/octet-stream", zipfile.ZIP_STORED),
    ("", zipfile.ZIP_STORED),
)
async def test_only_text_is_compressed(artifacts, target, media_type, method):
    await artifacts.put(b"x")
    await build_zip(artifacts, [ref("file", media_type=media_type)], README, target)
    with zipfile.ZipFile(target) as archive:
        assert archive.getinfo("file").compress_type == method


@table(
    "paths, message",
    row("an absolute path", ["/etc/passwd"], "not a safe path"),
    row("a parent folder", ["a/../../b"], "not a safe path"),
    row("the same folder", ["a/./b"], "not a safe path"),
    row("an empty name", ["a//b"], "not a safe path"),
    row("a folder", ["a/"], "not a safe path"),
    row("nothing", [""], "not a safe path"),
    row("a backslash", ["a\\..\\b"], "not a safe path"),
    row("a drive", ["C:/b"], "not a safe path"),
    row("a stream of NTFS", ["a:stream"], "not a safe path"),
    row("a control character", ["a\nb"], "not a safe path"),
    row("a bidi control", ["a\u202eb"], "not a safe path"),
    row("a parent folder on Windows", ["a/.. /b"], "not a safe path"),
    row("a device of Windows", ["nul.txt"], "not a safe path"),
    row("twice the same", ["a/b", "a/b"], "two files"),
    row("the same but for the case", ["a/b", "A/B"], "two files"),
    row("the README", ["readme.MD"], "two files"),
    row("the manifest", ["Manifest.json"], "two files"),
    row("a folder named like the README", ["README.md/b"], "a file and a folder"),
    row("a file where a folder is", ["a/b", "A/b/c"], "a file and a folder"),
)
async def test_an_unsafe_path_is_refused(artifacts, target, paths, message):
    await artifacts.put(b"x")
    with pytest.raises(ValueError, match=message):
        await build_zip(artifacts, [ref(path) for path in paths], README, target)
    assert not target.exists()


class Content:
    """A store in which every artifact has the same content."""

    def __init__(self, *chunks):
        self.chunks = chunks

    async def stream(self, _sha256):
        for chunk in self.chunks:
            yield chunk


@table(
    "chunks",
    row("too short", [b"1234"]),
    row("too long", [b"1234", b"56"]),
    row("other bytes", [b"54321"]),
)
async def test_content_other_than_stated_is_refused(target, chunks):
    file = ref("E/a.txt", b"12345")
    with pytest.raises(BrokenMember, match=rf"E/a.txt: artifact {file.sha256} is not what was"):
        await build_zip(Content(*chunks), [file], README, target)
    assert not target.exists()


async def test_missing_content_is_refused(artifacts, target):
    with pytest.raises(BrokenMember, match=r"E/a.txt: there is no artifact"):
        await build_zip(artifacts, [ref("E/a.txt")], README, target)
    assert not target.exists()


async def test_a_store_that_fails_may_be_tried_again(target):
    class Away:
        async def stream(self, sha256):
            raise ArtifactsUnavailable(sha256)
            yield

    with pytest.raises(ArtifactsUnavailable):
        await build_zip(Away(), [ref("a")], README, target)
    assert not target.exists()


async def test_a_cancelled_build_leaves_no_file(target):
    begun = asyncio.Event()

    class Slow:
        async def stream(self, _sha256):
            begun.set()
            await asyncio.Event().wait()
            yield

    build = asyncio.create_task(build_zip(Slow(), [ref("a")], README, target))
    async with asyncio.timeout(10):
        await begun.wait()
    assert target.exists()
    build.cancel()
    with pytest.raises(asyncio.CancelledError):
        await build
    assert not target.exists()


def test_the_readme_says_what_the_zip_is():
    readme = session_readme("FOSDEM 2025", "Main-1", "Why <b> & *not*\nC?", ["E/b.md", "E/a_b"])
    assert readme.startswith("# Why \\<b\\> \\& \\*not\\* C?\n")
    assert "FOSDEM 2025" in readme
    assert "Main-1" in readme
    assert "- E/a\\_b\n- E/b.md\n" in readme
