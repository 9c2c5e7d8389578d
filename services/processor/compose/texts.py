"""Write the Markdown's texts: overview, abstract, description, speakers, links."""

from datetime import datetime
from typing import Any

from services.processor.compose.repeated import drop_repeats
from services.processor.extract.facts import Facts
from services.processor.extract.html.document import match_key
from services.processor.extract.markdown.markdown import (
    escape,
    escape_line,
    format_link,
    quote_url,
    shift_headings,
    split_blocks,
    visible_text,
)

_TO = "\u2013"  # between two times


def format_overview(front: dict[str, Any]) -> str:
    """List the known facts at a glance."""
    session, license_ = front["session"], front.get("license", {}).get("value", "")
    rows = {
        "Event": escape(front["event"]["name"]),
        "Type": escape(session.get("type", "")),
        "Speakers": ", ".join(_format_speaker(person) for person in front.get("speakers", [])),
        "Track": escape(front.get("track", "")),
        "Room": escape(front.get("room", "")),
        "Time": escape(format_time(front)),
        "Language": escape(front.get("language", "")),
        "Licence": format_link(license_, license_) if _is_url(license_) else escape(license_),
        "Source": format_link(session["url"], session["url"]),
    }
    return "\n".join(f"- **{name}:** {text}" for name, text in rows.items() if text)


def format_time(front: dict[str, Any]) -> str:
    """Format when the session takes place, for people; "" if unknown."""
    if "start" not in front:
        return _TO.join(front[key] for key in ("start_raw", "end_raw") if key in front)
    start = datetime.fromisoformat(front["start"])
    text = f"{_format_day(start)}, {start:%H:%M}"
    if "end" in front:
        end = datetime.fromisoformat(front["end"])
        day = "" if end.date() == start.date() else f"{_format_day(end)}, "
        text += f"{_TO}{day}{end:%H:%M}"
    zone = front.get("timezone") or (f"UTC{start:%z}" if start.tzinfo else "")
    return f"{text} ({zone})" if zone else text


def format_texts(facts: Facts) -> list[str]:
    """Return abstract and description under headings, each text once.

    A text that begins with a heading of its own needs none of ours.
    """
    body, abstract = drop_repeats(facts.body or "", facts), facts.abstract or ""
    first, rest = _split_abstract(body, abstract)
    # Show the abstract once, even if the body has it somewhere inside.
    if not first and match_key(abstract) not in match_key(visible_text(body)):
        first = escape_line(abstract)
    if rest.startswith("#"):
        heading = match_key(rest.partition("\n")[0])
        title = "Summary" if heading == "abstract" else "Abstract"
        return [*_section(title, first), shift_headings(rest, top=2)]
    return [*_section("Abstract", first), *_section("Description", rest)]


def format_biographies(front: dict[str, Any]) -> list[str]:
    """Return the speakers' biographies as a section, if there are any."""
    people = [person for person in front.get("speakers", []) if "bio" in person]
    texts = [f"### {escape_line(one['name'])}\n\n{escape_line(one['bio'])}" for one in people]
    return ["\n\n".join(["## Speakers", *texts])] if texts else []


def format_videos(front: dict[str, Any]) -> list[str]:
    """Link each video under the title that the page gives it."""
    titles = {link["url"]: link["title"] for link in front.get("links", [])}
    videos = ((video["url"], video.get("type")) for video in front.get("videos", []))
    return [
        format_link(titles.get(url, url), url) + (f" ({kind})" if kind else "")
        for url, kind in videos
    ]


def format_further_links(front: dict[str, Any], text: str) -> list[str]:
    """Link the rest: what ``text`` leaves out."""
    return [
        format_link(link["title"], link["url"])
        for link in front.get("links", [])
        if f"({quote_url(link['url'])})" not in text
    ]


def _split_abstract(body: str, abstract: str) -> tuple[str, str]:
    """Split ``body`` into the leading blocks that are the abstract, and the rest."""
    blocks, expected, seen = split_blocks(body), match_key(abstract), ""
    for index, block in enumerate(blocks, 1):
        seen += match_key(visible_text(block))
        if seen == expected != "":
            return "\n\n".join(blocks[:index]), "\n\n".join(blocks[index:])
        if not expected.startswith(seen):
            break
    return "", body


def _section(title: str, markdown: str) -> list[str]:
    return [f"## {title}\n\n{shift_headings(markdown, top=3)}"] if markdown.strip() else []


def _format_speaker(person: dict[str, str]) -> str:
    return format_link(person["name"], person["url"]) if "url" in person else escape(person["name"])


def _format_day(moment: datetime) -> str:
    return f"{moment:%A}, {moment.day} {moment:%B %Y}"


def _is_url(text: str) -> bool:
    return text.startswith(("https://", "http://"))
