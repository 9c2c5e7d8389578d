import pytest

from services.processor.extract.html.encoding import decode

GREETING = "Grüße aus Köln"


@pytest.mark.parametrize(
    ("body", "declared", "encoding"),
    [
        pytest.param(b"\xef\xbb\xbf" + GREETING.encode(), "iso-8859-1", "utf-8", id="BOM first"),
        pytest.param(
            b"\xff\xfe" + GREETING.encode("utf-16-le"), None, "utf-16-le", id="BOM of UTF-16"
        ),
        pytest.param(GREETING.encode("cp1252"), "ISO-8859-1", "cp1252", id="latin-1 is wider"),
        pytest.param(GREETING.encode("cp1252"), "us-ascii", "cp1252", id="so is ASCII"),
        pytest.param(
            b'<meta charset="iso-8859-15">' + GREETING.encode("iso-8859-15"),
            None,
            "iso8859-15",
            id="HTML declares",
        ),
        pytest.param(
            b'<meta http-equiv=content-type content="text/html; charset=windows-1252">'
            + GREETING.encode("cp1252"),
            None,
            "cp1252",
            id="HTML declares in the old way",
        ),
        pytest.param(
            b'<meta charset="cp1252">' + GREETING.encode(), "utf-8", "utf-8", id="HTTP before HTML"
        ),
        pytest.param(
            b'<meta charset="utf-16">' + GREETING.encode(), None, "utf-8", id="HTML cannot be that"
        ),
        pytest.param(GREETING.encode(), None, "utf-8", id="UTF-8 where nobody says"),
        pytest.param(GREETING.encode(), "nonsense", "utf-8", id="an unknown label is none"),
        pytest.param(GREETING.encode(), "utf-7", "utf-8", id="UTF-7 is an attack"),
        pytest.param(GREETING.encode(), "base64", "utf-8", id="base64 is no text"),
    ],
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
