"""The titles of all schedules: through YAML, as file names, and through a ZIP."""

import re
import tempfile
import zipfile
from html import unescape
from pathlib import Path

import yaml
from corpus import CORPUS, Tally, loaded
from obstore.store import MemoryStore
from pathvalidate import is_valid_filename

from eventjob.artifacts.store import Artifacts
from eventjob.contracts.base import FileRef
from eventjob.domain import names
from services.archiver.zipper import build_zip
from services.processor.compose import document

OWN_FILES = {"all.zip", "inside/README.md", "inside/manifest.json"}
PLATFORMS = ("Linux", "macOS", "Windows")
_IN_XML = re.compile(r"<event\b.*?<title>([^<]*)</title>", re.DOTALL)


def all_titles():
    """Those of every session in the schedules, in their order."""
    found = []
    for path in sorted((CORPUS / "schedules").glob("*.xml")):
        found += map(unescape, _IN_XML.findall(path.read_text(encoding="utf-8")))
    for path in sorted((CORPUS / "schedules").glob("*.json")):
        found += _in_json(loaded(path))
    return found


async def tally():
    """Each title, and the name that it gets in one folder with all others."""
    titles = all_titles()
    files = names.make_unique([names.make_file_name(f"{title}.md", "session") for title in titles])
    with tempfile.TemporaryDirectory() as folder:
        await _pack(titles, files, Path(folder) / "all.zip")
        unpacked = _unpacked(Path(folder))
    result = Tally()
    for title, file in zip(titles, files, strict=True):
        found = {
            "YAML round trip": yaml.safe_load(document.dump_yaml({"title": title}))
            == {"title": title},
            **{f"name valid on {name}": _is_valid(file, name) for name in PLATFORMS},
            "unpacked with every byte": unpacked.pop(f"inside/E/{file}", None) == title.encode(),
        }
        result.check(title, found)
    whole = {
        "names unique": len({names.collision_key(file) for file in files}) == len(files),
        "nothing else unpacked": set(unpacked) == OWN_FILES,
    }
    result.check("all titles", whole)
    return result


def _in_json(node):
    """The titles of what has a title, and a start or a duration, anywhere."""
    if isinstance(node, dict):
        if isinstance(node.get("title"), str) and "duration" in node:
            yield node["title"]
        node = list(node.values())
    if isinstance(node, list):
        for child in node:
            yield from _in_json(child)


def _is_valid(name, platform):
    return is_valid_filename(name, platform=platform, max_len=200, fs_encoding="utf-8")


async def _pack(titles, files, target):
    """A ZIP of all files, each holding its title."""
    artifacts, refs = Artifacts(MemoryStore()), []
    for title, file in zip(titles, files, strict=True):
        content = title.encode()
        sha256 = await artifacts.put(content)
        ref = {"path": f"E/{file}", "sha256": sha256, "media_type": "text/markdown"}
        refs.append(FileRef(**ref, size_bytes=len(content)))
    await build_zip(artifacts, refs, "all", target)


def _unpacked(folder):
    """What lies in ``folder`` once the ZIP in it is extracted into a folder ``inside``."""
    with zipfile.ZipFile(folder / "all.zip") as archive:
        archive.extractall(folder / "inside")
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}
