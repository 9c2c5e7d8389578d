"""Session pages shaped as FOSDEM's site writes them, or as nobody's, with text of our own."""

import html
from random import Random

_TEXT = """
the system keeps every message until someone has read it and then forgets it so that a queue stays
short while workers come and go which nobody has to plan for because each task may be done twice
without harm when a disk fails or a cable is pulled we measure what that costs on small machines
compare four designs and show where time is lost in practice
"""
_WORDS = _TEXT.split()
_PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"/><title>Harbour Days 2030 - {title}</title>
<meta name="DC.Rights" content="https://creativecommons.org/licenses/by/4.0/"/>
<link rel="stylesheet" href="/2030/assets/style/days.css"/></head>
<body class="schedule-event"><header><h1 id="banner"><a href="/2030/">Harbour Days '30</a></h1>
<ul class="navigation"><li><a href="/2030/about/">About</a></li><li><a href="/2030/news/">News</a>
</li><li><a href="/2030/travel/">Travel</a></li><li><a href="/2030/help/">Help</a></li></ul>
</header><div id="main"><ul class="breadcrumbs"><li><a href="/2030/">Harbour Days 2030</a> / </li>
<li class="active">{title}</li></ul><div id="pagetitles"><h1>{title}</h1></div>
<ul class="side-box"><li><i class="icon-road"></i> <strong>Track</strong>:
<a href="/2030/track/queues/">Queues</a></li><li><i class="icon-home"></i> <strong>Room</strong>:
<a href="/2030/room/quay/">Quay 4</a></li><li><i class="icon-calendar"></i> <strong>Day</strong>:
<a href="/2030/day/sunday/">Sunday</a></li><li><i class="icon-play"></i>
<strong>Start (UTC+1)</strong>: <a href="#">10:30</a></li><li><i class="icon-stop"></i>
<strong>End (UTC+1)</strong>: <a href="#">10:55</a></li></ul><br style="clear: both;"/>
<div class="event-blurb"><div class="event-abstract">{abstract}</div>
<div class="event-description">{description}</div></div>
<h3>Speakers</h3><table><tbody><tr><td></td><td><a href="/2030/speaker/ada/">Ada Marsh</a></td>
</tr><tr><td></td><td><a href="/2030/speaker/noor/">Noor Vale</a></td></tr></tbody></table>
<h3>Links</h3><ul><li><a href="https://video.days.example/2030/quay/{n}.av1.webm">Video</a></li>
<li><a href="https://code.days.example/{n}">Source code</a></li>
<li><a href="https://feedback.days.example/{n}">Submit feedback</a></li></ul></div>
<footer><div class="license-info">This work may be shared under <a rel="license"
href="https://creativecommons.org/licenses/by/4.0/">CC BY 4.0</a>.</div></footer></body></html>"""
_PLAIN = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"/><title>{title} | Harbour Days 2030</title></head><body>
<nav><ul><li><a href="/2030/">Home</a></li><li><a href="/2030/news/">News</a></li></ul></nav>
<main><h1>{title}</h1><dl><dt>Track</dt><dd>Queues</dd><dt>Room</dt><dd>Quay 4</dd>
<dt>Speakers</dt><dd>Ada Marsh, Noor Vale</dd></dl>{abstract}{description}
<p><a href="https://code.days.example/{n}">Source code</a></p></main>
<footer><p>Made by the harbour's own people.</p></footer></body></html>"""
PLAIN = "plain"  # how the names of pages begin that no adapter knows


def title(name: str) -> str:
    """What the page at ``/2030/event/<name>/`` is called."""
    return f"What {name} taught us: queues & crashes"


def page(name: str) -> bytes:
    """The page, some 4 KB, its text by its name."""
    chance = Random(name)
    text = (_PLAIN if name.startswith(PLAIN) else _PAGE).format(
        title=html.escape(title(name)),
        n=chance.randrange(10_000),
        abstract=_paragraph(chance, 90),
        description="".join(_paragraph(chance, 60) for _ in range(3)) + _list(chance),
    )
    return text.encode()


def _paragraph(chance: Random, words: int) -> str:
    said = chance.choices(_WORDS, k=words)
    said[words // 2] = f'<a href="/2030/news/{said[0]}/">{said[1]}</a>'
    said[words // 3] = f"<strong>{said[2]}</strong>,"
    return f"<p>{' '.join(said).capitalize()}.</p>"


def _list(chance: Random) -> str:
    items = (" ".join(chance.choices(_WORDS, k=8)) for _ in range(4))
    return f"<ul>{''.join(f'<li>{item}</li>' for item in items)}</ul>"
