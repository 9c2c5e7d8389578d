"""List the files of a session for its Markdown, its front matter and its ZIP."""

import re
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import quote

from eventjob.contracts.base import FileRef
from eventjob.domain.names import SessionPaths
from services.processor.extract.facts import FileLink, Kind
from services.processor.extract.markdown.markdown import (
    escape,
    format_link,
    map_prose,
    quote_url,
)
from services.processor.extract.rungs.links import filename_in
from services.processor.extract.rungs.page_rules import make_video
from services.processor.files.session_files import DownloadedFile, Preview, SessionFiles

_PICTURE = re.compile(r"!\[((?:\\.|[^\]\\])*)\]\((https?://[^()\s]+)\)")
_EMPTY = re.compile(r"\[\s*\]\([^()\s]+\)|^ *- *$| +$", re.MULTILINE)  # where a picture was
_GAP = re.compile(r"\n[ \n]*\n(?=\n|\Z)")
SHOWN_PREVIEWS = 3  # in the Markdown; the ZIP has all


def file_refs(downloads: SessionFiles, paths: SessionPaths) -> list[FileRef]:
    """Return the ZIP's members beside the Markdown: each file, then its previews."""
    return [ref for file in downloads.files for ref in _refs(file, paths)]


def file_entries(
    kind: Kind, links: Sequence[FileLink], downloads: SessionFiles, paths: SessionPaths
) -> list[dict[str, Any]]:
    """Return the front matter entries for files of one kind; failed downloads are only linked."""
    return [
        _link_entry(each) if file is None else _file_entry(file, paths)
        for each, file in _match_downloads(kind, links, downloads)
    ]


def format_links(
    kind: Kind, links: Sequence[FileLink], downloads: SessionFiles, paths: SessionPaths
) -> list[str]:
    """Format a link for each file of one kind, then its first pages; images are embedded."""
    mark = "!" if kind == "images" else ""
    return [
        format_link(each.title or each.url, each.url)
        if file is None
        else mark + _format_link(file_title(file), file.name, paths) + _format_previews(file, paths)
        for each, file in _match_downloads(kind, links, downloads)
    ]


def use_local_pictures(body: str, downloads: SessionFiles, paths: SessionPaths) -> str:
    """Point pictures in ``body`` at downloaded files, and remove all others."""
    local = {quote_url(file.link.url): _quote_path(file.name, paths) for file in downloads.files}

    def replace(match: re.Match[str]) -> str:
        return f"![{match[1]}]({local[match[2]]})" if match[2] in local else ""

    def replace_all(text: str) -> str:
        return _GAP.sub("\n", _EMPTY.sub("", _PICTURE.sub(replace, text))) if "![" in text else text

    return map_prose(body, replace_all).strip()


def format_other_pictures(
    body: str, links: Sequence[FileLink], downloads: SessionFiles, paths: SessionPaths
) -> list[str]:
    """Format the pictures that are missing in ``body``."""
    return [
        picture
        for picture in format_links("images", links, downloads, paths)
        if f"({picture.rpartition('](')[2]}" not in body
    ]


def _match_downloads(
    kind: Kind, links: Sequence[FileLink], downloads: SessionFiles
) -> Iterator[tuple[FileLink, DownloadedFile | None]]:
    """Pair each link with its downloaded file, if any; images only if they were downloaded."""
    files = {file.link.url: file for file in downloads.files}
    for each in links:
        file = files.get(each.url)
        if each.kind == kind and (file or kind != "images"):  # a failed image needs no link
            yield each, file


def file_title(file: DownloadedFile) -> str:
    """Return the title under which a file is linked."""
    return file.link.title or file.name


def _refs(file: DownloadedFile, paths: SessionPaths) -> list[FileRef]:
    parts: list[tuple[str, DownloadedFile | Preview]] = [(file.name, file)]
    parts += [(_preview_path(file, preview), preview) for preview in file.previews]
    return [
        FileRef(
            path=f"{paths.asset_folder}/{name}",
            sha256=part.sha256,
            size_bytes=part.size_bytes,
            media_type=part.media_type,
            source_url=file.link.url,
        )
        for name, part in parts
    ]


def _link_entry(link: FileLink) -> dict[str, Any]:
    entry = {"title": link.title or filename_in(link.url), "url": link.url}
    media_type = make_video(link.url, "recording").type
    return entry | ({"media_type": media_type} if media_type else {})


def _file_entry(file: DownloadedFile, paths: SessionPaths) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "title": file_title(file),
        "url": file.link.url,
        "path": f"{paths.asset_folder}/{file.name}",
        "bytes": file.size_bytes,
        "sha256": file.sha256,
        "media_type": file.media_type,
    }
    if file.link.kind == "images" and file.link.title:
        entry["alt"] = file.link.title
    if file.pixels:
        entry["width"], entry["height"] = file.pixels
    if file.link.language:
        entry["language"] = file.link.language
    if file.previews:
        entry["previews"] = [_preview_entry(file, preview, paths) for preview in file.previews]
    return entry


def _preview_entry(file: DownloadedFile, preview: Preview, paths: SessionPaths) -> dict[str, Any]:
    return {
        "page": preview.page,
        "path": f"{paths.asset_folder}/{_preview_path(file, preview)}",
        "bytes": preview.size_bytes,
        "sha256": preview.sha256,
    }


def _format_previews(file: DownloadedFile, paths: SessionPaths) -> str:
    """Format the first pages as a paragraph of a list item."""
    pictures = [
        f"  !{_format_link(f'Page {preview.page}', _preview_path(file, preview), paths)}"
        for preview in file.previews[:SHOWN_PREVIEWS]
    ]
    return "\n".join(["\n", *pictures]) if pictures else ""


def _format_link(title: str, name: str, paths: SessionPaths) -> str:
    """Format a link that works beside the Markdown in the unpacked ZIP."""
    return f"[{escape(title)}]({_quote_path(name, paths)})"


def _quote_path(name: str, paths: SessionPaths) -> str:
    return quote(f"{paths.stem}/{name}")


def _preview_path(file: DownloadedFile, preview: Preview) -> str:
    return f"{file.preview_folder}/{preview.name}"
