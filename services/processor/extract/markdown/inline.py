"""Convert inline content to Markdown: text, emphasis, links, images, code."""

import re
import unicodedata
from collections.abc import Iterable
from urllib.parse import urljoin

from selectolax.lexbor import LexborNode

from eventjob.domain.urls import check_url
from services.processor.extract.markdown.markdown import escape, escape_start, quote_url

_BLOCK = (
    "address, article, aside, blockquote, body, caption, center, dd, details, dialog, div, dl, dt, "
    "fieldset, figcaption, figure, footer, form, h1, h2, h3, h4, h5, h6, header, hgroup, hr, html, "
    "legend, li, main, menu, nav, ol, p, pre, section, summary, table, tbody, td, tfoot, th, "
    "thead, tr, ul"
)
_UNREAD = (
    "-comment, !doctype, audio, base, button, canvas, embed, head, iframe, input, link, map, meta, "
    "noscript, object, script, select, style, svg, template, textarea, title, video"
)
BLOCKS = frozenset(_BLOCK.split(", "))
_DROPPED = frozenset(_UNREAD.split(", "))
_MAX_DEPTH = 40  # nested marks; deeper ones are reduced to text
_CODE = frozenset({"code", "kbd", "samp", "tt"})
_LISTS = frozenset({"dl", "menu", "ol", "ul"})
_MARKS = {
    **dict.fromkeys(("b", "strong"), "**"),
    **dict.fromkeys(("cite", "dfn", "em", "i", "var"), "*"),
    **dict.fromkeys(("del", "s", "strike"), "~~"),
}
_RAISED = str.maketrans("0123456789+-=()in", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁼⁽⁾ⁱⁿ")
_LOWERED = str.maketrans("0123456789+-=()aehijklmnoprstuvx", "₀₁₂₃₄₅₆₇₈₉₊₋₌₍₎ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓ")
_SHIFTS = {"sup": (_RAISED, "^"), "sub": (_LOWERED, r"\_")}
_SPACES = re.compile(r"\s+")
_BLANK_LINE = re.compile(r"\n\s*\n")
_NO_DISPLAY = re.compile(r"display\s*:\s*none", re.IGNORECASE)
_BACKTICKS = re.compile(r"`+")
_MAIL = re.compile(r"mailto:[^\s@:/]+@[^\s@:/]+", re.IGNORECASE)
_INVISIBLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u200b\u2060\ufeff\ud800-\udfff]")


def is_inline(node: LexborNode) -> bool:
    """True for text, and for elements with inline content only."""
    if node.tag == "-text":
        return True
    return node.tag not in BLOCKS and node.css_first(_BLOCK) is None


def is_dropped(node: LexborNode) -> bool:
    """True for elements that readers cannot see or use."""
    if node.tag in _DROPPED:
        return True
    attributes = node.attributes
    return (
        attributes.get("hidden", "until-found") != "until-found"
        or attributes.get("aria-hidden") == "true"
        or _NO_DISPLAY.search(attributes.get("style") or "") is not None
    )


def drop_invisible(text: str) -> str:
    """Remove invisible characters."""
    return _INVISIBLE.sub("", text)


class Inline:
    """Writes inline content; relative URLs are resolved against ``base``."""

    def __init__(self, base: str) -> None:
        self._base = base

    def paragraphs(self, nodes: Iterable[LexborNode]) -> list[str]:
        """Write text with its line breaks; two breaks in a row separate paragraphs."""
        parts = _BLANK_LINE.split(self._text(nodes, frozenset()).strip())
        stripped = (list(filter(None, map(str.strip, part.split("\n")))) for part in parts)
        return ["\\\n".join(map(escape_start, lines)) for lines in stripped if lines]

    def line(self, node: LexborNode, *, strong: bool = False) -> str:
        """Write the content of a node on one line."""
        open_marks = frozenset({"**"}) if strong else frozenset[str]()
        text = " ".join(self._text(node.iter(include_text=True), open_marks).split())
        return f"**{text}**" if strong and text else text

    def _text(self, nodes: Iterable[LexborNode], open_marks: frozenset[str], depth: int = 0) -> str:
        """Write the nodes one after another; ``within`` are the marks already open."""
        pieces: list[str] = []
        for node in nodes:
            before = pieces[-1][-1] if pieces else ("x" if depth else "")
            if piece := self._piece(node, before, open_marks, depth):
                pieces.append(piece)
        return "".join(pieces)

    def _piece(self, node: LexborNode, before: str, open_marks: frozenset[str], depth: int) -> str:
        tag = node.tag or ""
        if tag == "-text" or depth > _MAX_DEPTH:
            return escape(_SPACES.sub(" ", drop_invisible(node.text())))
        if is_dropped(node):
            return ""
        if tag == "br":
            return "\n"
        if tag == "img":
            return self._image(node)
        if tag in _CODE:
            return _format_code(node, before)
        if tag == "pre":
            return f" {_format_code(node, '')} "
        if tag in _LISTS:
            return f" {self._joined(node, open_marks, depth)} "
        mark = "a" if tag == "a" else _MARKS.get(tag, "")
        text = self._text(node.iter(include_text=True), open_marks | {mark}, depth + 1)
        if tag in _SHIFTS:
            return _format_shifted(tag, before, text)
        if not mark or mark in open_marks or not text.strip():
            return f" {text} " if tag in BLOCKS else text
        return self._link(node, text) if mark == "a" else _format_marked(node, mark, before, text)

    def _joined(self, node: LexborNode, open_marks: frozenset[str], depth: int) -> str:
        """Write the items of a list on one line."""
        joined, previous_tag = "", None
        for item in node.iter(include_text=True):
            if text := self._text([item], open_marks, depth + 1).strip():
                is_definition = (previous_tag, item.tag) == ("dt", "dd")
                gap = ": " if is_definition else "; " if joined else ""
                joined = f"{joined.removesuffix(':') if is_definition else joined}{gap}{text}"
                previous_tag = item.tag
        return joined

    def _link(self, node: LexborNode, text: str) -> str:
        url = self._address(node.attributes.get("href") or "")
        return _wrap(text, "[", f"]({url})") if url else text

    def _image(self, node: LexborNode) -> str:
        url = self._address(node.attributes.get("src") or "")
        alt = " ".join(drop_invisible(node.attributes.get("alt") or "").split())
        return f"![{escape(alt)}]({url})" if url.startswith("http") else ""

    def _address(self, reference: str) -> str:
        """Return a link's URL for Markdown; "" unless it leads to the web or to mail."""
        if _MAIL.fullmatch(reference.strip()):
            return quote_url(reference.strip())
        try:
            url = urljoin(self._base, reference.strip())
            check_url(url)
        except ValueError:
            return ""
        return quote_url(url)


def _format_code(node: LexborNode, before: str) -> str:
    text = " ".join(drop_invisible(node.text()).split())
    if not text:
        return ""
    mark = "`" * (max(map(len, _BACKTICKS.findall(text)), default=0) + 1)
    padding = " " if len(mark) > 1 else ""
    return f"{' ' if before == '`' else ''}{mark}{padding}{text}{padding}{mark}"


def _format_shifted(tag: str, before: str, text: str) -> str:
    """Write super- and subscript so that it stays apart from a number: 10⁶, not 106.

    Links and ordinals are unchanged: [1](...) and 5th.
    """
    inner, (characters, sign) = text.strip(), _SHIFTS[tag]
    is_ordinal = before.isdecimal() and inner.isalpha() and len(inner) > 1
    if not inner or "](" in inner or is_ordinal:
        return text
    is_known = all(ord(character) in characters for character in inner)
    return inner.translate(characters) if is_known else f"{sign}({inner})"


def _format_marked(node: LexborNode, mark: str, before: str, text: str) -> str:
    """Put marks around ``text``, unless readers would take them for text."""
    inner = text.strip()
    opens = inner[0].isalnum() or _is_boundary(before)
    closes = inner[-1].isalnum() or _is_boundary(_next_character(node))
    if not (opens and closes) or before in {"*", "~"} or "\n" in inner:
        return text
    return _wrap(text, mark, mark)


def _is_boundary(character: str) -> bool:
    """True if a character separates words: "", a space, or punctuation."""
    return not character.strip() or unicodedata.category(character).startswith("P")


def _next_character(node: LexborNode) -> str:
    """Return the character after a node; a letter if it is unknown."""
    if node.next is not None:
        return node.next.text()[:1] or " "
    return " " if node.parent is not None and node.parent.tag in BLOCKS else "x"


def _wrap(text: str, opening: str, closing: str) -> str:
    """Put ``text`` on one line between two marks, with outer spaces outside."""
    inner = " ".join(text.split())
    before, after = (" " if edge.isspace() else "" for edge in (text[0], text[-1]))
    return f"{before}{opening}{inner}{closing}{after}"
