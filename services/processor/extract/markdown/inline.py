"""What stands within a line, as Markdown: text, emphasis, links, images, code."""

import re
import unicodedata
from collections.abc import Iterable
from urllib.parse import urljoin

from selectolax.lexbor import LexborNode

from eventjob.domain.urls import check_url
from services.processor.extract.markdown.markdown import address, at_start, escaped

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
_DEEPEST = 40  # marks within marks; below it nothing but text is taken
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
_PARTING = re.compile(r"\n\s*\n")
_NO_DISPLAY = re.compile(r"display\s*:\s*none", re.IGNORECASE)
_BACKTICKS = re.compile(r"`+")
_MAIL = re.compile(r"mailto:[^\s@:/]+@[^\s@:/]+", re.IGNORECASE)
_UNSEEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u200b\u2060\ufeff\ud800-\udfff]")


def is_inline(node: LexborNode) -> bool:
    """Whether a node is part of a line: text, or an element with no block in it."""
    if node.tag == "-text":
        return True
    return node.tag not in BLOCKS and node.css_first(_BLOCK) is None


def is_dropped(node: LexborNode) -> bool:
    """Whether a node is nothing to read, or hidden from readers."""
    if node.tag in _DROPPED:
        return True
    said = node.attributes
    return (
        said.get("hidden", "until-found") != "until-found"
        or said.get("aria-hidden") == "true"
        or _NO_DISPLAY.search(said.get("style") or "") is not None
    )


def seen(text: str) -> str:
    """``text`` without characters that nobody sees."""
    return _UNSEEN.sub("", text)


class Inline:
    """Writes what is within lines; relative addresses are relative to ``base``."""

    def __init__(self, base: str) -> None:
        self._base = base

    def paragraphs(self, nodes: Iterable[LexborNode]) -> list[str]:
        """Text with its line breaks; two of them in a row part paragraphs."""
        parts = _PARTING.split(self._text(nodes, frozenset()).strip())
        stripped = (list(filter(None, map(str.strip, part.split("\n")))) for part in parts)
        return ["\\\n".join(map(at_start, lines)) for lines in stripped if lines]

    def line(self, node: LexborNode, *, strong: bool = False) -> str:
        """All that a node contains, in one line."""
        within = frozenset({"**"}) if strong else frozenset[str]()
        text = " ".join(self._text(node.iter(include_text=True), within).split())
        return f"**{text}**" if strong and text else text

    def _text(self, nodes: Iterable[LexborNode], within: frozenset[str], depth: int = 0) -> str:
        """The nodes one after another; ``within`` are the marks that are open around them."""
        pieces: list[str] = []
        for node in nodes:
            before = pieces[-1][-1] if pieces else ("x" if depth else "")
            if piece := self._piece(node, before, within, depth):
                pieces.append(piece)
        return "".join(pieces)

    def _piece(self, node: LexborNode, before: str, within: frozenset[str], depth: int) -> str:
        tag = node.tag or ""
        if tag == "-text" or depth > _DEEPEST:
            return escaped(_SPACES.sub(" ", seen(node.text())))
        if is_dropped(node):
            return ""
        if tag == "br":
            return "\n"
        if tag == "img":
            return self._image(node)
        if tag in _CODE:
            return _code(node, before)
        if tag == "pre":
            return f" {_code(node, '')} "
        if tag in _LISTS:
            return f" {self._joined(node, within, depth)} "
        mark = "a" if tag == "a" else _MARKS.get(tag, "")
        text = self._text(node.iter(include_text=True), within | {mark}, depth + 1)
        if tag in _SHIFTS:
            return _shifted(tag, before, text)
        if not mark or mark in within or not text.strip():
            return f" {text} " if tag in BLOCKS else text
        return self._link(node, text) if mark == "a" else _marked(node, mark, before, text)

    def _joined(self, node: LexborNode, within: frozenset[str], depth: int) -> str:
        """The items of a list, one beside the other."""
        written, before = "", None
        for item in node.iter(include_text=True):
            if text := self._text([item], within, depth + 1).strip():
                is_said = (before, item.tag) == ("dt", "dd")
                gap = ": " if is_said else "; " if written else ""
                written = f"{written.removesuffix(':') if is_said else written}{gap}{text}"
                before = item.tag
        return written

    def _link(self, node: LexborNode, text: str) -> str:
        url = self._address(node.attributes.get("href") or "")
        return _around(text, "[", f"]({url})") if url else text

    def _image(self, node: LexborNode) -> str:
        url = self._address(node.attributes.get("src") or "")
        alt = " ".join(seen(node.attributes.get("alt") or "").split())
        return f"![{escaped(alt)}]({url})" if url.startswith("http") else ""

    def _address(self, reference: str) -> str:
        """Where a link leads, as Markdown needs it; "" where it leads neither to web nor mail."""
        if _MAIL.fullmatch(reference.strip()):
            return address(reference.strip())
        try:
            url = urljoin(self._base, reference.strip())
            check_url(url)
        except ValueError:
            return ""
        return address(url)


def _code(node: LexborNode, before: str) -> str:
    text = " ".join(seen(node.text()).split())
    if not text:
        return ""
    mark = "`" * (max(map(len, _BACKTICKS.findall(text)), default=0) + 1)
    padding = " " if len(mark) > 1 else ""
    return f"{' ' if before == '`' else ''}{mark}{padding}{text}{padding}{mark}"


def _shifted(tag: str, before: str, text: str) -> str:
    """What stands above or below the line, so that it joins no number: 10⁶ is not 106.

    Links and ordinals stay as they are: [1](...) and 5th.
    """
    inner, (characters, sign) = text.strip(), _SHIFTS[tag]
    is_ordinal = before.isdecimal() and inner.isalpha() and len(inner) > 1
    if not inner or "](" in inner or is_ordinal:
        return text
    is_known = all(ord(character) in characters for character in inner)
    return inner.translate(characters) if is_known else f"{sign}({inner})"


def _marked(node: LexborNode, mark: str, before: str, text: str) -> str:
    """``text`` between two marks, or as it is where readers would not take them for marks."""
    inner = text.strip()
    opens = inner[0].isalnum() or _parts(before)
    closes = inner[-1].isalnum() or _parts(_after(node))
    if not (opens and closes) or before in {"*", "~"} or "\n" in inner:
        return text
    return _around(text, mark, mark)


def _parts(character: str) -> bool:
    """Whether it is no part of a word for any reader: nothing, a space, punctuation."""
    return not character.strip() or unicodedata.category(character).startswith("P")


def _after(node: LexborNode) -> str:
    """The character that follows a node; a letter where that cannot be seen from here."""
    if node.next is not None:
        return node.next.text()[:1] or " "
    return " " if node.parent is not None and node.parent.tag in BLOCKS else "x"


def _around(text: str, opening: str, closing: str) -> str:
    """``text`` in one line between two marks, its outer spaces outside."""
    inner = " ".join(text.split())
    before, after = (" " if edge.isspace() else "" for edge in (text[0], text[-1]))
    return f"{before}{opening}{inner}{closing}{after}"
