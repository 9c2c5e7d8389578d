"""Content codings come undone in small steps, however they are cut."""

import gzip
import zlib
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tables import row, table

from eventjob.fetch.decode import STEP_BYTES, Undecodable, make_decoder

TEXT = b"one track, one room, one hour. " * 40


def raw_deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(data) + packer.flush()


PACKERS = {
    "": bytes,
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "Deflate": raw_deflate,
    " X-GZip ": lambda data: gzip.compress(data[:9]) + gzip.compress(data[9:]) + b"\0\0",
}


@given(st.sampled_from(sorted(PACKERS)), st.binary(max_size=4000), st.lists(st.integers(0, 4000)))
def test_what_was_packed_comes_out_whole_however_it_was_cut(coding, data, cuts):
    packed = PACKERS[coding](data)
    bounds = [0, *sorted(min(cut, len(packed)) for cut in cuts), len(packed)]
    box = make_decoder(coding)
    out = b"".join(piece for a, b in pairwise(bounds) for piece in box.feed(packed[a:b]))
    assert out == data
    assert box.is_finished()


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
def test_a_bomb_comes_out_in_small_pieces(coding):
    size = 20_000_000
    box = make_decoder(coding)
    pieces = [len(piece) for piece in box.feed(PACKERS[coding](b"\0" * size))]
    assert sum(pieces) == size
    assert max(pieces) <= STEP_BYTES
    assert box.is_finished()


@pytest.mark.parametrize("coding", ["gzip", "deflate", "Deflate"])
def test_the_last_bytes_come_out_also_where_a_piece_is_just_full(coding):
    for size in range(STEP_BYTES, STEP_BYTES + 600):
        box = make_decoder(coding)
        assert sum(len(piece) for piece in box.feed(PACKERS[coding](b"\0" * size))) == size
        assert box.is_finished()


@pytest.mark.parametrize("coding", ["gzip", "deflate", "Deflate"])
def test_a_body_cut_short_is_not_finished(coding):
    packed = PACKERS[coding](TEXT)
    for end in range(1, len(packed)):
        box = make_decoder(coding)
        list(box.feed(packed[:end]))
        assert not box.is_finished(), end


def test_a_body_that_never_came_is_finished():
    assert make_decoder("gzip").is_finished()


@table(
    "coding, body, complaint",
    row("not packed at all", "gzip", b"<html>not packed", "broken"),
    row("not deflated at all", "deflate", b"<html>not packed", "broken"),
    row("wrong sum", "gzip", gzip.compress(TEXT)[:-8] + b"12345678", "broken"),
    row("more behind it", "gzip", gzip.compress(TEXT) + b"<html>", "broken"),
    row("two of deflate", "deflate", zlib.compress(TEXT) * 2, "goes on after"),
    row("endless members", "gzip", gzip.compress(b"") * 2000, "goes on after"),
)
def test_a_broken_body_is_refused(coding, body, complaint):
    with pytest.raises(Undecodable, match=complaint):
        list(make_decoder(coding).feed(body))


@pytest.mark.parametrize("coding", ["br", "zstd", "compress", "gzip, gzip", "gzip, br", "x" * 999])
def test_a_coding_that_was_not_asked_for_is_refused(coding):
    with pytest.raises(Undecodable, match="which was not requested") as error:
        make_decoder(coding)
    assert len(str(error.value)) < 120
