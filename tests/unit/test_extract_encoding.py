from tables import row, table

from services.processor.extract.html.encoding import decode

GREETING = "Grüße aus Köln"


@table(
    "body, declared, encoding",
    row("BOM first", b"\xef\xbb\xbf" + GREETING.encode(), "iso-8859-1", "utf-8"),
    row("BOM of UTF-16", b"\xff\xfe" + GREETING.encode("utf-16-le"), None, "utf-16-le"),
    row("latin-1 is wider", GREETING.encode("cp1252"), "ISO-8859-1", "cp1252"),
    row("so is ASCII", GREETING.encode("cp1252"), "us-ascii", "cp1252"),
    row(
        "HTML declares",
        b'<meta charset="iso-8859-15">' + GREETING.encode("iso-8859-15"),
        None,
        "iso8859-15",
    ),
    row(
        "HTML declares in the old way",
        b'<meta http-equiv=content-type content="text/html; charset=windows-1252">'
        + GREETING.encode("cp1252"),
        None,
        "cp1252",
    ),
    row("HTTP before HTML", b'<meta charset="cp1252">' + GREETING.encode(), "utf-8", "utf-8"),
    row("HTML cannot be that", b'<meta charset="utf-16">' + GREETING.encode(), None, "utf-8"),
    row("UTF-8 where nobody says", GREETING.encode(), None, "utf-8"),
    row("an unknown label is none", GREETING.encode(), "nonsense", "utf-8"),
    row("UTF-7 is an attack", GREETING.encode(), "utf-7", "utf-8"),
    row("base64 is no text", GREETING.encode(), "base64", "utf-8"),
)
def test_a_page_is_decoded_as_browsers_do(body, declared, encoding):
    text, found = decode(body, declared)
    assert (text.endswith(GREETING), found) == (True, encoding)


def test_old_text_without_declaration_is_guessed():
    czech = "Příliš žluťoučký kůň úpěl ďábelské ódy na konferenci o svobodném softwaru. " * 20
    text, encoding = decode(czech.encode("cp1250"), None)
    assert (text, encoding) == (czech, "cp1250")


def test_a_page_cut_within_a_character_is_utf_8_still():
    text, encoding = decode("ab€".encode()[:-1], None)
    assert (text, encoding) == ("ab\ufffd", "utf-8")


def test_bytes_that_are_no_text_do_no_harm():
    text, _ = decode(bytes(range(128, 256)) * 10, None)
    assert text
