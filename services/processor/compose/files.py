"""The files of a session as its Markdown and its ZIP name them."""

import re
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import quote

from eventjob.contracts.base import FileRef
from eventjob.domain.names import SessionPaths
from services.processor.extract.facts import FileLink, Kind
from services.processor.extract.markdown.markdown import address, escaped, link, outside_fences
from services.processor.extract.rungs.links import name_in
from services.processor.extract.rungs.page_rules import video
from services.processor.files.session_files import DownloadedFile, Preview, SessionFiles

_PICTURE = re.compile(r"!\[((?:\\.|[^\]\\])*)\]\((https?://[^()\s]+)\)")
_EMPTY = re.compile(r"\[\s*\]\([^()\s]+\)|^ *- *$| +$", re.MULTILINE)  # where a picture was
_GAP = re.compile(r"\n[ \n]*\n(?=\n|\Z)")
SHOWN_PREVIEWS = 3  # in the Markdown; all are in the ZIP


def file_refs(haul: SessionFiles, paths: SessionPaths) -> list[FileRef]:
    """The members of the ZIP beside the Markdown: each file, and its previews after it."""
    return [ref for file in haul.files for ref in _refs(file, paths)]


def listed(
    kind: Kind, wanted: Sequence[FileLink], haul: SessionFiles, paths: SessionPaths
) -> list[dict[str, Any]]:
    """The entries of the front matter for files of one kind; what was not had is only linked."""
    return [
        _linked(each) if file is None else _entry(file, paths)
        for each, file in _of_kind(kind, wanted, haul)
    ]


def links(
    kind: Kind, wanted: Sequence[FileLink], haul: SessionFiles, paths: SessionPaths
) -> list[str]:
    """For each file of one kind a link, and below it the first pages; an image is shown."""
    shown = "!" if kind == "images" else ""
    return [
        link(each.title or each.url, each.url)
        if file is None
        else f"{shown}{_link(title_of(file), file.name, paths)}{_previews(file, paths)}"
        for each, file in _of_kind(kind, wanted, haul)
    ]


def with_pictures(body: str, haul: SessionFiles, paths: SessionPaths) -> str:
    """``body`` with the pictures that were had, where they stood; the others are gone."""
    local = {address(file.wanted.url): _beside(file.name, paths) for file in haul.files}

    def shown(found: re.Match[str]) -> str:
        return f"![{found[1]}]({local[found[2]]})" if found[2] in local else ""

    def changed(text: str) -> str:
        return _GAP.sub("\n", _EMPTY.sub("", _PICTURE.sub(shown, text))) if "![" in text else text

    return outside_fences(body, changed).strip()


def other_pictures(
    body: str, wanted: Sequence[FileLink], haul: SessionFiles, paths: SessionPaths
) -> list[str]:
    """The pictures that are not in ``body``."""
    return [
        picture
        for picture in links("images", wanted, haul, paths)
        if f"({picture.rpartition('](')[2]}" not in body
    ]


def _of_kind(
    kind: Kind, wanted: Sequence[FileLink], haul: SessionFiles
) -> Iterator[tuple[FileLink, DownloadedFile | None]]:
    """What was wanted, and had if it was; of images only those that were."""
    had = {file.wanted.url: file for file in haul.files}
    for each in wanted:
        file = had.get(each.url)
        if each.kind == kind and (file or kind != "images"):
            yield each, file


def title_of(file: DownloadedFile) -> str:
    """What a file is called where it is linked."""
    return file.wanted.title or file.name


def _refs(file: DownloadedFile, paths: SessionPaths) -> list[FileRef]:
    parts: list[tuple[str, DownloadedFile | Preview]] = [(file.name, file)]
    parts += [(_inside(file, preview), preview) for preview in file.previews]
    return [
        FileRef(
            path=f"{paths.asset_folder}/{name}",
            sha256=part.sha256,
            size_bytes=part.size_bytes,
            media_type=part.media_type,
            source_url=file.wanted.url,
        )
        for name, part in parts
    ]


def _linked(wanted: FileLink) -> dict[str, Any]:
    entry = {"title": wanted.title or name_in(wanted.url), "url": wanted.url}
    media_type = video(wanted.url, "recording").type
    return entry | ({"media_type": media_type} if media_type else {})


def _entry(file: DownloadedFile, paths: SessionPaths) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "title": title_of(file),
        "url": file.wanted.url,
        "path": f"{paths.asset_folder}/{file.name}",
        "bytes": file.size_bytes,
        "sha256": file.sha256,
        "media_type": file.media_type,
    }
    if file.wanted.kind == "images" and file.wanted.title:
        entry["alt"] = file.wanted.title
    if file.pixels:
        entry["width"], entry["height"] = file.pixels
    if file.wanted.language:
        entry["language"] = file.wanted.language
    if file.previews:
        entry["previews"] = [_preview(file, preview, paths) for preview in file.previews]
    return entry


def _preview(file: DownloadedFile, preview: Preview, paths: SessionPaths) -> dict[str, Any]:
    return {
        "page": preview.page,
        "path": f"{paths.asset_folder}/{_inside(file, preview)}",
        "bytes": preview.size_bytes,
        "sha256": preview.sha256,
    }


def _previews(file: DownloadedFile, paths: SessionPaths) -> str:
    """The first pages, as a paragraph of the list's item; "" where there are none."""
    pictures = [
        f"  !{_link(f'Page {preview.page}', _inside(file, preview), paths)}"
        for preview in file.previews[:SHOWN_PREVIEWS]
    ]
    return "\n".join(["\n", *pictures]) if pictures else ""


def _link(title: str, name: str, paths: SessionPaths) -> str:
    """A link from the Markdown to a file beside it, as it works in the unpacked ZIP."""
    return f"[{escaped(title)}]({_beside(name, paths)})"


def _beside(name: str, paths: SessionPaths) -> str:
    return quote(f"{paths.stem}/{name}")


def _inside(file: DownloadedFile, preview: Preview) -> str:
    return f"{file.preview_folder}/{preview.name}"
