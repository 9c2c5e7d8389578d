"""What a session's Markdown says in words: an overview, its texts, who speaks, where to go on."""

from datetime import datetime
from typing import Any

from services.processor.compose.repeated import without_repeats
from services.processor.extract.facts import Facts
from services.processor.extract.html.document import alike
from services.processor.extract.markdown.markdown import (
    address,
    blocks_of,
    escaped,
    headed,
    link,
    plain,
    shown_text,
)

_TO = "\u2013"  # between two times


def overview(front: dict[str, Any]) -> str:
    """The facts at a glance, as a list; what is not known is not in it."""
    session, license_ = front["session"], front.get("license", {}).get("value", "")
    rows = {
        "Event": escaped(front["event"]["name"]),
        "Type": escaped(session.get("type", "")),
        "Speakers": ", ".join(_linked(person) for person in front.get("speakers", [])),
        "Track": escaped(front.get("track", "")),
        "Room": escaped(front.get("room", "")),
        "Time": escaped(when(front)),
        "Language": escaped(front.get("language", "")),
        "Licence": link(license_, license_) if _is_url(license_) else escaped(license_),
        "Source": link(session["url"], session["url"]),
    }
    return "\n".join(f"- **{name}:** {text}" for name, text in rows.items() if text)


def when(front: dict[str, Any]) -> str:
    """When a session takes place, as people write it; "" where nobody says."""
    if "start" not in front:
        return _TO.join(front[key] for key in ("start_raw", "end_raw") if key in front)
    start = datetime.fromisoformat(front["start"])
    text = f"{_day(start)}, {start:%H:%M}"
    if "end" in front:
        end = datetime.fromisoformat(front["end"])
        day = "" if end.date() == start.date() else f"{_day(end)}, "
        text += f"{_TO}{day}{end:%H:%M}"
    zone = front.get("timezone") or (f"UTC{start:%z}" if start.tzinfo else "")
    return f"{text} ({zone})" if zone else text


def texts(facts: Facts) -> list[str]:
    """Abstract and description, each under its heading; nothing is said twice.

    A text that begins with a heading of its own needs none of ours.
    """
    body, abstract = without_repeats(facts.body or "", facts), facts.abstract or ""
    first, rest = _parted(body, abstract)
    if not first and alike(abstract) not in alike(shown_text(body)):
        first = plain(abstract)
    if rest.startswith("#"):
        own = alike(rest.partition("\n")[0])
        title = "Summary" if own == "abstract" else "Abstract"
        return [*_section(title, first), headed(rest, top=2)]
    return [*_section("Abstract", first), *_section("Description", rest)]


def biographies(front: dict[str, Any]) -> list[str]:
    """Who the speakers are, as far as that is told."""
    told = [person for person in front.get("speakers", []) if "bio" in person]
    people = [f"### {plain(person['name'])}\n\n{plain(person['bio'])}" for person in told]
    return ["\n\n".join(["## Speakers", *people])] if people else []


def films(front: dict[str, Any]) -> list[str]:
    """A link to each video, named as the page names it."""
    titles = {found["url"]: found["title"] for found in front.get("links", [])}
    videos = ((video["url"], video.get("type")) for video in front.get("videos", []))
    return [
        link(titles.get(url, url), url) + (f" ({kind})" if kind else "") for url, kind in videos
    ]


def further(front: dict[str, Any], written: str) -> list[str]:
    """The links that nothing ``written`` leads to."""
    return [
        link(found["title"], found["url"])
        for found in front.get("links", [])
        if f"({address(found['url'])})" not in written
    ]


def _parted(body: str, abstract: str) -> tuple[str, str]:
    """The blocks of ``body`` that are the abstract, if it begins with them, and all others."""
    blocks, wanted, said = blocks_of(body), alike(abstract), ""
    for index, block in enumerate(blocks, 1):
        said += alike(shown_text(block))
        if said == wanted != "":
            return "\n\n".join(blocks[:index]), "\n\n".join(blocks[index:])
        if not wanted.startswith(said):
            break
    return "", body


def _section(title: str, markdown: str) -> list[str]:
    return [f"## {title}\n\n{headed(markdown, top=3)}"] if markdown.strip() else []


def _linked(person: dict[str, str]) -> str:
    return link(person["name"], person["url"]) if "url" in person else escaped(person["name"])


def _day(moment: datetime) -> str:
    return f"{moment:%A}, {moment.day} {moment:%B %Y}"


def _is_url(text: str) -> bool:
    return text.startswith(("https://", "http://"))
