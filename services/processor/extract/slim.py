"""Large pages without what nobody reads, which is most of them."""

import re

_UNREAD = re.compile(r"<(script|style|svg|noscript)\b([^>]*)>", re.IGNORECASE)
_FOR_MACHINES = "ld+json"


def slim(html: str) -> str:
    """``html`` without scripts, styles and drawings; JSON-LD stays. In linear time."""
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
