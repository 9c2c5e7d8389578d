"""Language codes and names."""

import re

_TAG = re.compile(r"[a-z]{2,3}(?:-[a-z0-9]{2,8})*", re.IGNORECASE)
_NAMES = {
    "en": ("english", "englisch", "eng"),
    "de": ("german", "deutsch", "deu", "ger"),
    "fr": ("french", "français", "französisch", "fra", "fre"),
    "es": ("spanish", "español", "spanisch", "spa"),
    "it": ("italian", "italiano", "italienisch", "ita"),
    "nl": ("dutch", "nederlands", "niederländisch", "nld", "dut"),
    "pt": ("portuguese", "português", "portugiesisch", "por"),
    "pl": ("polish", "polski", "polnisch", "pol"),
    "cs": ("czech", "čeština", "tschechisch", "ces", "cze"),
    "sv": ("swedish", "svenska", "schwedisch", "swe"),
    "ja": ("japanese", "日本語", "japanisch", "jpn"),
    "zh": ("chinese", "中文", "chinesisch", "zho", "chi"),
    "ru": ("russian", "русский", "russisch", "rus"),
    "uk": ("ukrainian", "українська", "ukrainisch", "ukr"),
}
_CODES = {name: code for code, names in _NAMES.items() for name in names}


def language_tag(text: str) -> str | None:
    """Return the BCP 47 tag of a tag or a language's name."""
    tag = text.strip()
    code = _CODES.get(tag.casefold())
    if code or not _TAG.fullmatch(tag):
        return code
    return tag if len(tag.partition("-")[0]) == len("en") else None
