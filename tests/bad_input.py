"""Bad input: each case with the place that the refusal names."""

import json

from raw_http import chunked, with_body

PARAMETERS = {
    "event": "E",
    "session": "S",
    "url": "http://127.0.0.1:9/closed",
    "filename": "f.md",
    "track": "T",
}


def job(where="", value=None, **more):
    """A job that is right but for what is at ``where``."""
    sent = {"parameters": dict(PARAMETERS), **more}
    *parents, name = where.split(".")
    inner = sent
    for parent in parents:
        inner = inner.setdefault(parent, {})
    if name:
        inner[name] = value
    return sent


LONG, CONTROL = "x" * 1001, "a\nb"
NO_TEXT = (1, 1.5, True, [], {}, [None])
NO_ID = ("", "a/b", "..", "a.b", "a b", "a\n", "job-x.1", "x" * 129, "é", "%2e", "\x00", 1, [])
NO_URL = (
    *("", " ", "x", "//a/", "http://", "http:///x", "ftp://a/", "file:///etc/passwd", "data:,x"),
    *("javascript:alert(1)", "http://u:p@a/", "http://a b/", "http://a\\b/", "http://a\x00/"),
    *("http://[::1", "http://a:0/", "http://a:99999/", "http://a:b/", "http://" + "a" * 64 + "/"),
    *("http://a/" + "x" * 2048, "http://a/\n", "HTTP//a", *NO_TEXT),
)
NO_CLOCK = (
    "",
    "9:00",
    "24:00",
    "09:60",
    "0900",
    "09:00 ",
    "\u0660\u0669:\u0660\u0660",
    "09:00:00",
    900,
)
DEEP = json.loads("[" * 33 + "]" * 33)
# field: what it must not be, in a job by itself
IN_A_JOB = {
    "parameters": (None, 1, "x", [], True),
    **dict.fromkeys(
        [f"parameters.{name}" for name in ("event", "session", "filename", "track")],
        (None, "", " ", CONTROL, "\x00", *NO_TEXT),
    ),
    "parameters.url": (None, *NO_URL),
    "parameters.starttime": NO_CLOCK,
    "parameters.endtime": NO_CLOCK,
    "parameters.day": (CONTROL, *NO_TEXT),
    "parameters.speakers": ("x", {}, [1], [""], [None], [CONTROL], [["x"]]),
    "parameters.use_cache": (1, "true", "yes", []),
    "parameters.source_language": NO_TEXT,
    "parameters.video_url": NO_TEXT,
    "parameters.extra": ("x", 1, [], {"deep": DEEP}),
    "job_name": (LONG, CONTROL, *NO_TEXT),
    "job_type": ("x" * 65, CONTROL, *NO_TEXT),
    "user_id": ("", "*", "x" * 129, CONTROL, *NO_TEXT),
    "webhook": ("x", 1, [], {}, {"url": 1}, {"url": "ftp://a/"}, {"url": "http://a/", "x": DEEP}),
}
# and where it stands alone; and what must not be beside the jobs of a batch
ACCESS = {
    "access_control": (1, "public", []),
    "access_control.visibility": ("all", "", 1, []),
    **dict.fromkeys(
        [f"access_control.{kind}_access" for kind in ("read", "write", "admin")],
        ("ann", 1, {}, [1], [""], ["*"], [CONTROL], ["x" * 129], ["x"] * 101),
    ),
}
ALONE = {**ACCESS, "job_id": NO_ID, "batch_id": NO_ID, "use_cache": (1, "yes", [])}
BATCH = {
    **ACCESS,
    "batch_id": NO_ID,
    "batch_name": (LONG, CONTROL, *NO_TEXT),
    "use_cache": (1, "yes", []),
    "user_id": IN_A_JOB["user_id"],
    "webhook": IN_A_JOB["webhook"],
    "jobs": (None, {}, "x", 1),
}
NO_JSON = {
    "nothing": b"",
    "half": b'{"parameters": {',
    "single quotes": b"{'a': 1}",
    "two values": b"{} {}",
    "a comment": b"{} // x",
    "a trailing comma": b'{"a": 1,}',
    "NaN": b'{"a": NaN}',
    "Infinity": b'{"a":Infinity}',
    "half a character in a name": b'{"\\ud800":1}',
    "a number out of range": b'{"a": 1e999}',
    "an endless number": b'{"a": ' + b"9" * 5000 + b"}",
    "a byte order mark": b"\xef\xbb\xbf{}",
    "UTF-16": '{"a": 1}'.encode("utf-16"),
    "UTF-32": '{"a": 1}'.encode("utf-32-le"),
    "Latin-1": '{"a": "é"}'.encode("latin-1"),
    "an overlong zero": b'{"a": "\xc0\x80"}',
    "a surrogate in UTF-8": b'{"a": "\xed\xa0\x80"}',
    "a raw zero": b'{"a": "\x00"}',
    "only zeros": b"\x00" * 1000,
    "10,000 lists": b"[" * 10_000 + b"]" * 10_000,
    "10,000 objects": b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
    "10,000 lists in a field": b'{"parameters":' + b"[" * 10_000 + b"]" * 10_000 + b"}",
    "a list": b"[]",
    "null": b"null",
    "a text": b'"x"',
    "a number": b"1",
}

# as they stand in a request's first line
NO_PATHS = (
    *("..", ".", "%2e%2e", "%252e%252e", "a%2Fb", "%5c..%5c", "..\\..", "a%20b", "%C3%BC", "%ff"),
    *("%00", "%0d%0aX:%20y", "%ED%A0%80", "%", "%zz", "a.b", "job-x.0", "job-x.1000000", "*"),
    *("a;b", "'", "$(id)", "{job_id}", "~", "%E2%80%AE", "x" * 129, "x" * 300, "job-", "batch-"),
)
NO_FILES = (
    *("../../../../etc/passwd", "..%2f..%2f..%2fetc%2fpasswd", "..%252f..%252fetc%252fpasswd"),
    *("..\\..\\windows", "%5c%5chost%5cshare", "/etc/passwd", "%2fetc%2fpasswd", "a/../b/c"),
    *("./x", "x/.", "x/..", "x//y", "%00/x", "x%00.md", "x" * 300, "%ED%A0%80", "x/%ff", "", "x/"),
)
NO_QUERIES = {
    **dict.fromkeys(
        ("limit", "skip"),
        ("-1", "99999999999999999999", "ten", "1.5", "1e3", "", "0x1", "%D9%A3", "1%00", "%2B1"),
    ),
    "limit ": ("1001",),
    "skip ": ("2147483649",),
    "status": ("done", "", "PENDING", "pending,failed", "%00", "pending&status=failed"),
    "sort": ("job_id", "", "created_at;drop"),
    "order": ("up", "", "DESC"),
    "user_id": ("", "*", "%2A", "a%0Ab", "%00", "x" * 129, "%C2%85"),
    "cursor": ("x", "A" * 32, "A" * 33, "_" * 1000, "%C3%BC", "%00", "AAAA%0A", "a&cursor=a"),
}
NO_FILTERS = {
    "/batches?archived": ("1", "TRUE", "maybe"),
    "/jobs?batch_id": ("a.b", "..", ""),
    **dict.fromkeys(
        ("/jobs/x?as_of", "/batches/x?as_of"),
        (
            *("", "-1", "1.0", "now", "%D9%A3", "1" * 20, "3&as_of=3", "2030-02-01"),
            *("0001-01-01T00:00:00%2B14:00", "2030-02-01T09:30:00", "2030-02-30T09:30:00Z"),
            "2030-02-01T09:30:00+01:00",
        ),
    ),
}
# as they stand in a header
NO_HEADERS = {
    "X-User-ID": (
        *(b"", b" ", b"*", b"a\tb", b"x" * 129, b"x" * 60_000, b"\xc2\x85", b"\xed\xa0\x80"),
        *(b"a\x7fb", b"a\r\nX-User-ID: b"),
    ),
    "Idempotency-Key": (b"", b"a\tb", b"x" * 256, b"\xc2\x85", b"a\r\nIdempotency-Key: b"),
    "X-Use-Cache": (b"", b"yes", b"2", b"\xff", b"maybe"),
}
NO_HTTP = {
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 100 + b"\r\n\r\n",
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "HTTP/9": b"GET / HTTP/9.9\r\n\r\n",
    "text": b"hello\r\n\r\n",
    "zeros": b"\x00" * 100,
    "an unknown method": b"BREW /pot HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "a method in small letters": b"get / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "a space in the path": b"GET /a b HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "a raw umlaut in the path": b"GET /\xfc HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "a path of 100 KB": b"GET /" + b"x" * 100_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "a header of 2 MB": b"GET / HTTP/1.1\r\nHost: localhost\r\nX: "
    + b"x" * 2_000_000
    + b"\r\n\r\n",
    "100,000 headers": b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 100_000 + b"\r\n",
    "a folded header": b"GET / HTTP/1.1\r\nHost: localhost\r\nX-User-ID: a\r\n b\r\n\r\n",
    "a zero in a header": b"GET / HTTP/1.1\r\nHost: localhost\r\nX-User-ID: a\x00b\r\n\r\n",
    "a bare return": b"GET / HTTP/1.1\r\nHost: localhost\r\nX-User-ID: a\rX: b\r\n\r\n",
    "two lengths": b"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    "no length": b"POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n",
    "a negative length": b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
    "a length beside chunks": (
        b"POST / HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    ),
}
# what is strange, but right: and what the job then shows
ODD = {
    "null counts as absent": (
        with_body("POST", "/jobs", job(job_name=None, webhook=None, batch_id=None, job_id="odd-1")),
        {"job_name": "E - T - S"},
    ),
    "what the server owns is ignored": (
        with_body(
            "POST", "/jobs", job(job_id="odd-2", status="completed", results={"a": 1}, n=2**70)
        ),
        {"archived": False},
    ),
    "the last of equal names counts": (
        with_body(
            "POST", "/jobs", b'{"job_id":"x/y","job_id":"odd-3",' + json.dumps(job()).encode()[1:]
        ),
        {"job_id": "odd-3"},
    ),
    "large numbers stay what they are": (
        with_body("POST", "/jobs", job("parameters.n", 10**400, job_id="odd-4")),
        {"parameters": {"extra": {"n": 10**400}}},
    ),
    "a media type may say a lot": (
        with_body(
            "POST",
            "/jobs",
            job(job_id="odd-5"),
            "Content-Type: application/json; charset*=utf-8; charset*0=x; " + "9" * 5000,
        ),
        {},
    ),
    "chunks need no length": (chunked("/jobs", b" ", json.dumps(job(job_id="odd-6")).encode()), {}),
    "a user's name is no header": (
        with_body("POST", "/jobs", job(job_id="odd-7"), "X-User-ID: ann%0d%0aEj-Actor: *"),
        {"user_id": "ann%0d%0aEj-Actor: *"},
    ),
    "HTTP/1.0 needs no host": (
        with_body("POST", "/jobs", job(job_id="odd-8")).replace(
            b"1.1\r\nHost: localhost", b"1.0", 1
        ),
        {},
    ),
}
