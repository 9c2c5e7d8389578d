"""From bytes to text, as browsers do it."""

import codecs
import re

import charset_normalizer

_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_META = re.compile(rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?\s*([a-z0-9_:-]{1,40})", re.IGNORECASE)
_META_WITHIN = 1024  # bytes; HTML standard, 13.2.3.2
_GUESSED_FROM = 64 * 1024  # bytes; more costs time and says no more
# Wider than what is declared, as in the Encoding standard, 4.2
_MEANT = {
    "ascii": "cp1252",
    "iso8859-1": "cp1252",
    "iso8859-9": "cp1254",
    "tis-620": "cp874",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "shift_jis": "cp932",
    "euc_kr": "cp949",
}
_OF_THE_WEB = re.compile(r"(?:utf-(?:8|16)|iso8859|iso2022_jp|cp\d|koi8|gb|big5|euc_|mac-|shift)")


def decode(body: bytes, declared: str | None) -> tuple[str, str]:
    """The text, and its encoding: by BOM, declaration (HTTP, then HTML), UTF-8, or a guess.

    What does not fit the encoding becomes U+FFFD. ``body`` may end within a character.
    """
    for bom, encoding in _BOMS:
        if body.startswith(bom):
            return body[len(bom) :].decode(encoding, "replace"), encoding
    encoding = _known(declared) or _in_meta(body) or _guessed(body)
    return body.decode(encoding, "replace"), encoding


def _known(label: str | None) -> str | None:
    """Python's name for a label, or None for what is no encoding of the web (UTF-7, …)."""
    try:
        name = codecs.lookup((label or "").strip()).name
    except (LookupError, ValueError):
        return None
    name = _MEANT.get(name, name)
    return name if _OF_THE_WEB.match(name) else None


def _in_meta(body: bytes) -> str | None:
    found = _META.search(body[:_META_WITHIN])
    encoding = _known(found[1].decode()) if found else None
    return "utf-8" if encoding and encoding.startswith("utf-16") else encoding


def _guessed(body: bytes) -> str:
    try:
        codecs.getincrementaldecoder("utf-8")().decode(body)
    except UnicodeDecodeError:
        best = charset_normalizer.from_bytes(body[:_GUESSED_FROM]).best()
        return (best and _known(best.encoding)) or "cp1252"
    return "utf-8"


_UNREAD = re.compile(r"<(script|style|svg|noscript)\b([^>]*)>", re.IGNORECASE)
_FOR_MACHINES = "ld+json"
_NESTING = re.compile(
    r"<(/?)(?:article|blockquote|center|div|dl|fieldset|form|ol|section|span|table|ul)\b[^>]*>",
    re.IGNORECASE,
)
_MANY = 5000  # tags; with fewer no parser is slow
_DEEPEST = 500


def slim(html: str) -> str:
    """``html`` without scripts, styles and drawings; JSON-LD stays."""
    kept, at = [], 0
    for opening in _UNREAD.finditer(html):
        if opening.start() < at or _FOR_MACHINES in opening[2]:
            continue
        closing = re.compile(f"</{opening[1]}\\s*>", re.IGNORECASE).search(html, opening.end())
        if closing is None:
            break
        kept.append(html[at : opening.start()])
        at = closing.end()
    return "".join([*kept, html[at:]])


def shallow(html: str) -> str:
    """``html`` without the tags of what is nested deeper than anything that people write.

    50,000 blocks in one another take the parser seven seconds, and the time is quadratic.
    """
    if html.count("<") < _MANY:
        return html
    depth = 0

    def kept(tag: re.Match[str]) -> str:
        nonlocal depth
        closes = bool(tag[1])
        depth = max(0, depth - 1) if closes else depth + 1
        return "" if depth + closes > _DEEPEST else tag[0]

    return _NESTING.sub(kept, html)
