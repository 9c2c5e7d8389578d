"""What schemathesis has to know of eventjob beyond the document, and what it did, counted.

It imports this module by itself; `fuzzing` starts it and reads the counts.
"""

import atexit
import io
import json
import os
import zipfile
from collections import Counter
from pathlib import Path

import schemathesis
from hypothesis import strategies as st

SITE = os.environ["FUZZ_SITE"]
TALLY = Path(os.environ["FUZZ_TALLY"])
TOGETHER = "cannot be combined with skip"
ONE_OWNER = "all jobs of a batch have the batch's owner"

_counts: Counter[tuple[str, int]] = Counter()
_segment = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), max_size=20)
_tail = st.lists(_segment.map(lambda text: text.replace("\\", "")), max_size=4).map("/".join)

# Fetched addresses are this machine's: most are the site's, the others are refused or blocked.
schemathesis.openapi.format(
    "iri",
    st.one_of(
        st.builds(lambda tail: f"{SITE}/{tail}", _tail),
        st.sampled_from(["http://127.0.0.1:9/closed", "http://10.0.0.1/", "HTTP://[::1]:8/x?y#z"]),
    ),
)
# Only an answer has real ones. The empty one asks for the first page.
schemathesis.openapi.format("cursor", st.just(""))


@schemathesis.hook
def filter_failure(context, failure, case, response) -> bool:
    """What OpenAPI has no words for is no failure."""
    if failure.code == "ST205" and case.operation.path.endswith("/batches/fail-all"):
        return False  # a batch may be called fail-all: the address has the batch's methods, too
    said = response.text if response.status_code == 400 else ""
    is_told = said.count('"field"') == 1 and (TOGETHER in said or ONE_OWNER in said)
    return not (failure.code == "ST202" and is_told)


@schemathesis.hook
def after_call(context, case, response) -> None:
    """Count it."""
    _counts[f"{case.method} {case.operation.path}", response.status_code] += 1


@schemathesis.check
def answers_stay_what_they_are(ctx, response, case) -> None:
    """No browser guesses a type, and whole ZIPs are right."""
    assert response.headers.get("x-content-type-options") == ["nosniff"]
    is_zip = response.headers.get("content-type") == ["application/zip"]
    if is_zip and response.status_code == 200 and case.method == "GET":
        with zipfile.ZipFile(io.BytesIO(response.content)) as archive:
            assert archive.testzip() is None


@schemathesis.check
def errors_tell_nothing_of_the_server(ctx, response, case) -> None:
    """No traceback, no folder."""
    if response.status_code >= 400:
        assert not any(word in response.text for word in ("Traceback", 'File "', "/site-packages"))


@schemathesis.deserializer("application/zip", "*/*", "text/html")
def _anything(context, response):
    """The document says nothing of what is inside; `answers_stay_what_they_are` looks."""
    return {}


@atexit.register
def _write() -> None:
    rows = [[name, status, count] for (name, status), count in sorted(_counts.items())]
    TALLY.write_text(json.dumps(rows))
