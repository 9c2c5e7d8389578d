"""Decode bytes to text as browsers do, and trim oversized pages."""

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
_GUESSED_FROM = 64 * 1024  # bytes; more costs time and changes nothing
# Supersets that browsers use, as in the Encoding standard, 4.2
_WEB_SUPERSETS = {
    "ascii": "cp1252",
    "iso8859-1": "cp1252",
    "iso8859-9": "cp1254",
    "tis-620": "cp874",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "shift_jis": "cp932",
    "euc_kr": "cp949",
}
_WEB_NAMES = re.compile(r"(?:utf-(?:8|16)|iso8859|iso2022_jp|cp\d|koi8|gb|big5|euc_|mac-|shift)")
_SKIPPED_TAG = re.compile(r"<(script|style|svg|noscript)\b([^>]*)>", re.IGNORECASE)
_KEPT_SCRIPT = "ld+json"
_NESTING = re.compile(
    r"<(/?)(?:article|blockquote|center|div|dl|fieldset|form|ol|section|span|table|ul)\b[^>]*>",
    re.IGNORECASE,
)
_MANY_TAGS = 5000  # with fewer, nesting is harmless
_MAX_DEPTH = 500


def decode(body: bytes, declared: str | None) -> tuple[str, str]:
    """Return text and encoding: by BOM, declaration (HTTP, then HTML), UTF-8, or a guess.

    Undecodable bytes become U+FFFD. ``body`` may end within a character.
    """
    for bom, encoding in _BOMS:
        if body.startswith(bom):
            return body[len(bom) :].decode(encoding, "replace"), encoding
    encoding = _python_name(declared) or _declared_in_meta(body) or _guess(body)
    return body.decode(encoding, "replace"), encoding


def drop_scripts(html: str) -> str:
    """Drop scripts, styles and drawings; JSON-LD stays."""
    kept, position = [], 0
    for opening in _SKIPPED_TAG.finditer(html):
        if opening.start() < position or _KEPT_SCRIPT in opening[2]:
            continue
        closing = re.compile(f"</{opening[1]}\\s*>", re.IGNORECASE).search(html, opening.end())
        if closing is None:
            break
        kept.append(html[position : opening.start()])
        position = closing.end()
    return "".join([*kept, html[position:]])


def limit_depth(html: str) -> str:
    """Drop the tags nested deeper than people write."""
    # 50,000 nested blocks take the parser seven seconds, and the time is quadratic.
    if html.count("<") < _MANY_TAGS:
        return html
    depth = 0

    def replace(tag: re.Match[str]) -> str:
        nonlocal depth
        is_closing = bool(tag[1])
        depth = max(0, depth - 1) if is_closing else depth + 1
        return "" if depth + is_closing > _MAX_DEPTH else tag[0]

    return _NESTING.sub(replace, html)


def _python_name(label: str | None) -> str | None:
    """Return Python's name for a label, if it is an encoding of the web (UTF-7 is excluded)."""
    try:
        name = codecs.lookup((label or "").strip()).name
    except (LookupError, ValueError):
        return None
    name = _WEB_SUPERSETS.get(name, name)
    return name if _WEB_NAMES.match(name) else None


def _declared_in_meta(body: bytes) -> str | None:
    match = _META.search(body[:_META_WITHIN])
    encoding = _python_name(match[1].decode()) if match else None
    # A meta element that could be read as ASCII is not UTF-16 (HTML standard, 13.2.3.2).
    return "utf-8" if encoding and encoding.startswith("utf-16") else encoding


def _guess(body: bytes) -> str:
    try:
        codecs.getincrementaldecoder("utf-8")().decode(body)
    except UnicodeDecodeError:
        best = charset_normalizer.from_bytes(body[:_GUESSED_FROM]).best()
        return (best and _python_name(best.encoding)) or "cp1252"
    return "utf-8"
