"""The Markdown of a session: front matter and body. The same facts give the same bytes."""

from typing import Any

import msgspec
import yaml

from eventjob.contracts.parameters import Parameters
from eventjob.domain.names import SessionPaths
from eventjob.fetch.client import FetchResult
from services.processor.compose.files import links, listed, other_pictures, with_pictures
from services.processor.compose.texts import biographies, films, further, overview, texts
from services.processor.extract.facts import Facts
from services.processor.extract.html.document import clean
from services.processor.extract.markdown.markdown import escaped, plain
from services.processor.extract.page import Page
from services.processor.files.session_files import SessionFiles

SCHEMA = "event-session/1"
_LINE_WIDTH = 100
_FAST = yaml.CSafeDumper if yaml.__with_libyaml__ else yaml.SafeDumper

FrontMatter = dict[str, Any]


def front_matter(
    parameters: Parameters,
    page: Page,
    fetched: FetchResult,
    haul: SessionFiles,
    paths: SessionPaths,
) -> FrontMatter:
    """All that is known, in the schema's order; a key is absent where nothing is."""
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
        "slides": listed("slides", facts.files, haul, paths),
        "attachments": listed("attachments", facts.files, haul, paths),
        "images": listed("images", facts.files, haul, paths),
        "subtitles": listed("subtitles", facts.files, haul, paths),
        "links": facts.links,
        "license": facts.license,
        "source": _source(page, fetched),
        "extraction": {
            "method": page.method,
            "field_sources": _field_sources(page, haul),
        },
    }
    known: FrontMatter = _known(msgspec.to_builtins(front))
    known["extraction"]["warnings"] = [*page.warnings, *haul.warnings]
    return known


def render(front: FrontMatter, page: Page, haul: SessionFiles, paths: SessionPaths) -> str:
    """The whole Markdown."""
    wanted = page.facts.files
    facts = msgspec.structs.replace(
        page.facts, body=with_pictures(page.facts.body or "", haul, paths)
    )
    subtitle = front["session"].get("subtitle")
    sections = [
        f"# {plain(front['session']['title'])}",
        *([f"*{escaped(subtitle)}*"] if subtitle else []),
        overview(front),
        *texts(facts),
        *biographies(front),
        *_section("Slides", links("slides", wanted, haul, paths)),
        *_section("Videos", films(front)),
        *_section("Subtitles", links("subtitles", wanted, haul, paths)),
        *_section("Attachments", links("attachments", wanted, haul, paths)),
        *_section("Images", other_pictures(facts.body or "", wanted, haul, paths)),
    ]
    written = "\n\n".join(sections)
    body = "\n\n".join([written, *_section("Links", further(front, written))])
    return f"---\n{dumped(front)}---\n\n{body}\n"


def dumped(front: FrontMatter) -> str:
    """Front matter as YAML.

    Libyaml's emitter gives the bytes that Python's gives, in a fifteenth of the time; but it
    spells what lies beyond U+FFFF, such as emoji, as escapes that nobody can read.
    """
    text = _dumped(front, _FAST)
    return _dumped(front, yaml.SafeDumper) if "\\U" in text else text


def _dumped(front: FrontMatter, dumper: type[yaml.CSafeDumper | yaml.SafeDumper]) -> str:
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


def _field_sources(page: Page, haul: SessionFiles) -> dict[str, str]:
    """Which rung gave each field; of several files, the first."""
    had = {file.wanted.url for file in haul.files}
    shown = [file for file in page.facts.files if file.kind != "images" or file.url in had]
    files = {wanted.kind: wanted.source for wanted in reversed(shown)}
    facts = {field: rung for field, rung in page.sources.items() if field not in {"body", "files"}}
    return facts | {str(kind): source for kind, source in files.items()}


def _known(front: FrontMatter) -> FrontMatter:
    """Without what is None or empty, in objects within objects, too."""
    nested = {k: _known(v) if isinstance(v, dict) else v for k, v in front.items()}
    return {key: value for key, value in nested.items() if value not in (None, "", [], (), {})}
