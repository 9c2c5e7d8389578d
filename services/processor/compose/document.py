"""Compose a session's Markdown, front matter and body; the same facts give the same bytes."""

from typing import Any

import msgspec
import yaml

from eventjob.contracts.parameters import Parameters
from eventjob.domain.names import SessionPaths
from eventjob.fetch.client import FetchResult
from services.processor.compose import files, texts
from services.processor.extract.facts import Facts
from services.processor.extract.html.document import clean
from services.processor.extract.markdown.markdown import escape, escape_line
from services.processor.extract.page import Page
from services.processor.files.session_files import SessionFiles

SCHEMA = "event-session/1"
_LINE_WIDTH = 100
_FAST_DUMPER = yaml.CSafeDumper if yaml.__with_libyaml__ else yaml.SafeDumper

FrontMatter = dict[str, Any]


def build_front_matter(
    parameters: Parameters,
    page: Page,
    fetched: FetchResult,
    downloads: SessionFiles,
    paths: SessionPaths,
) -> FrontMatter:
    """Build the front matter in the schema's order; unknown keys are left out."""
    facts = page.facts
    front = {
        "schema": SCHEMA,
        "event": {"name": clean(parameters.event) or parameters.event},
        "session": _session(facts, fetched),
        "speakers": facts.speakers,
        "track": facts.track,
        "room": facts.room,
        "language": facts.language,
        "start": facts.start,
        "end": facts.end,
        "timezone": facts.timezone,
        "start_raw": facts.start_raw if facts.start is None else None,
        "end_raw": facts.end_raw if facts.end is None else None,
        "abstract": facts.abstract,
        "tags": facts.tags,
        "do_not_record": facts.do_not_record,
        "videos": facts.videos,
        "slides": files.file_entries("slides", facts.files, downloads, paths),
        "attachments": files.file_entries("attachments", facts.files, downloads, paths),
        "images": files.file_entries("images", facts.files, downloads, paths),
        "subtitles": files.file_entries("subtitles", facts.files, downloads, paths),
        "links": facts.links,
        "license": facts.license,
        "source": _source(page, fetched),
        "extraction": {
            "method": page.method,
            "field_sources": _field_sources(page, downloads),
        },
    }
    front_matter: FrontMatter = _drop_empty(msgspec.to_builtins(front))  # warnings may be empty
    front_matter["extraction"]["warnings"] = [*page.warnings, *downloads.warnings]
    return front_matter


def render(front: FrontMatter, page: Page, downloads: SessionFiles, paths: SessionPaths) -> str:
    """Render the whole Markdown."""
    links, body = page.facts.files, page.facts.body or ""
    body = files.use_local_pictures(body, downloads, paths)
    facts = msgspec.structs.replace(page.facts, body=body)
    subtitle = front["session"].get("subtitle")
    sections = [
        f"# {escape_line(front['session']['title'])}",
        *([f"*{escape(subtitle)}*"] if subtitle else []),
        texts.format_overview(front),
        *texts.format_texts(facts),
        *texts.format_biographies(front),
        *_section("Slides", files.format_links("slides", links, downloads, paths)),
        *_section("Videos", texts.format_videos(front)),
        *_section("Subtitles", files.format_links("subtitles", links, downloads, paths)),
        *_section("Attachments", files.format_links("attachments", links, downloads, paths)),
        *_section("Images", files.format_other_pictures(body, links, downloads, paths)),
    ]
    text = "\n\n".join(sections)
    markdown = "\n\n".join([text, *_section("Links", texts.format_further_links(front, text))])
    return f"---\n{dump_yaml(front)}---\n\n{markdown}\n"


def dump_yaml(front: FrontMatter) -> str:
    """Dump the front matter as YAML."""
    text = _dump(front, _FAST_DUMPER)  # the same bytes in a fifteenth of the time
    return _dump(front, yaml.SafeDumper) if "\\U" in text else text  # libyaml escapes emoji


def _dump(front: FrontMatter, dumper: type[yaml.CSafeDumper | yaml.SafeDumper]) -> str:
    options: dict[str, Any] = {"allow_unicode": True, "sort_keys": False, "width": _LINE_WIDTH}
    text: str = yaml.dump(front, Dumper=dumper, **options)
    return text


def _section(title: str, items: list[str]) -> list[str]:
    return ["\n".join([f"## {title}\n", *(f"- {item}" for item in items)])] if items else []


def _session(facts: Facts, fetched: FetchResult) -> FrontMatter:
    return {
        "id": facts.id,
        "title": facts.title,
        "subtitle": facts.subtitle,
        "type": facts.type,
        "url": facts.url or fetched.final_url,
    }


def _source(page: Page, fetched: FetchResult) -> FrontMatter:
    headers = fetched.headers
    return {
        "requested_url": fetched.requested_url,
        "final_url": fetched.final_url,
        "status": fetched.status,
        "etag": clean(headers.get("etag", "")),
        "last_modified": clean(headers.get("last-modified", "")),
        "sha256": fetched.sha256,
        "bytes": fetched.size_bytes,
        "encoding": page.encoding,
    }


def _field_sources(page: Page, downloads: SessionFiles) -> dict[str, str]:
    """Map each field to the rung that gave it; of several files, to the first one's rung."""
    urls = {file.link.url for file in downloads.files}
    links = [file for file in page.facts.files if file.kind != "images" or file.url in urls]
    by_kind = {link.kind: link.source for link in reversed(links)}
    facts = {field: rung for field, rung in page.sources.items() if field not in {"body", "files"}}
    return facts | {str(kind): source for kind, source in by_kind.items()}


def _drop_empty(front: FrontMatter) -> FrontMatter:
    """Keep only the values that are known, in nested objects, too."""
    nested = {k: _drop_empty(v) if isinstance(v, dict) else v for k, v in front.items()}
    return {key: value for key, value in nested.items() if value not in (None, "", [], (), {})}
