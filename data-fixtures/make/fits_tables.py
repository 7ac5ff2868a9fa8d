#!/usr/bin/env python3
"""Makes binary tables with every column type of FITS 4.0, and what astropy reads from them.

  fits_tables.py --out DIR

DIR gets types.fits, whose tables are FIXED (a fixed number of elements in each row), HEAP (variable-length arrays by P
and Q descriptors of every type, with and without a gap in front of the heap) and ODD (what astropy reads but does not
write: logical nulls, `rAw` strings, array lengths that are no shape, scaling by TZERO alone). types.json has their columns
as astropy reads them: per column its name, the type of an element, the number of elements in a row (null for one,
"heap" for any number), the keywords that describe it, and a list of rows. Integers are numbers; real numbers are strings,
the shortest that give the same double; complex numbers are pairs; null is where the stored integer is TNULL or a logical
byte is neither T nor F.

Needs astropy 8.0.2.
"""
import argparse
import json
import os
import sys

import astropy
import numpy as np
from astropy.io import fits

ROWS = 5


def integers(dtype, shape=()):
    """The extremes of a type, and numbers between."""
    info = np.iinfo(dtype)
    some = [info.min, info.max, 0, 1, info.max // 3, info.min + 1, 7, info.max - 1]
    count = ROWS * int(np.prod(shape, dtype=int))
    return np.array([some[n % len(some)] for n in range(count)], dtype=dtype).reshape((ROWS, *shape))


def reals(dtype, shape=()):
    info = np.finfo(dtype)
    some = [0.0, -0.0, np.nan, np.inf, -np.inf, float(info.max), float(info.tiny), 1 / 3, -2.5]
    count = ROWS * int(np.prod(shape, dtype=int))
    return np.array([some[n % len(some)] for n in range(count)], dtype=dtype).reshape((ROWS, *shape))


def fixed():
    column = fits.Column
    complexes = reals("f4", (2,)).view("c8").reshape(ROWS)
    columns = [
        column("LOGICAL", "L", array=np.array([True, False, True, True, False])),
        column("LOGICALS", "3L", array=(np.arange(ROWS * 3) % 4 == 1).reshape(ROWS, 3)),
        column("BITS", "11X", array=(np.arange(ROWS * 11) % 3 == 0).reshape(ROWS, 11)),
        column("BYTE", "B", array=integers("u1"), unit="count"),
        column("SIGNED", "B", bzero=-128, array=integers("i1")),
        column("SHORT", "I", array=integers("i2"), null=-32768),
        column("UNSIGNED16", "I", bzero=2**15, array=integers("u2")),
        column("INT", "J", array=integers("i4"), null=7, disp="I10"),
        column("UNSIGNED32", "J", bzero=2**31, array=integers("u4")),
        column("LONG", "K", array=integers("i8")),
        column("UNSIGNED64", "K", bzero=2**63, array=integers("u8")),
        column("FLOAT", "E", array=reals("f4"), unit="mag"),
        column("DOUBLE", "D", array=reals("f8"), unit="deg", disp="F12.6"),
        column("COMPLEX32", "C", array=complexes),
        column("COMPLEX64", "M", array=reals("f8", (2,)).view("c16").reshape(ROWS)),
        column("TEXT", "12A", array=np.array(["Canopus", "", "  two blanks", "O'Neill", "twelve bytes"])),
        column("SHAPED", "12E", dim="(2,3,2)", array=reals("f4", (2, 3, 2))),
        column("ONE", "1J", dim="(1)", array=integers("i4", (1,))),
        column("SHORTS", "4I", array=integers("i2", (4,)), null=1),
        column("UNSIGNEDS", "3J", bzero=2**31, array=integers("u4", (3,))),
        column("COMPLEXES", "2M", array=reals("f8", (4,)).view("c16")),
        column("TEXTS", "24A", dim="(6,4)", array=np.array([[f"{r}-{n}"[: n + 1] for n in range(4)] for r in range(ROWS)])),
        column("SCALED", "I", array=integers("i2"), null=1),
        column("SCALEDREAL", "D", array=reals("f8")),
    ]
    hdu = fits.BinTableHDU.from_columns(columns, name="FIXED")
    header = hdu.header
    number = {name: n + 1 for n, name in enumerate(hdu.columns.names)}
    header[f"TUCD{number['DOUBLE']}"] = "pos.eq.ra;meta.main"
    header[f"TCOMM{number['DOUBLE']}"] = "right ascension of the star at the epoch of the catalogue, which is 2016.0, ICRS"
    header.comments[f"TTYPE{number['FLOAT']}"] = "magnitude in the broad band"
    header.comments[f"TTYPE{number['LONG']}"] = "label for field 10"
    # Named so that astropy leaves the data alone; patch() gives them their names.
    header[f"XSCAL{number['SCALED']}"], header[f"XZERO{number['SCALED']}"] = 0.25, 10.0
    header[f"XSCAL{number['SCALEDREAL']}"], header[f"XZERO{number['SCALEDREAL']}"] = 3.0, -1.0
    return hdu


def ragged(make):
    """One array a row, the second one empty."""
    values = make()
    out = np.empty(ROWS, dtype=object)
    for row, length in enumerate([3, 0, 1, 5, 2]):
        out[row] = np.resize(values, length)
    return out


def heap(name, letter):
    column = fits.Column
    columns = [
        column("LOGICALS", f"{letter}L()", array=ragged(lambda: np.array([True, False, False]))),
        column("BYTES", f"{letter}B()", array=ragged(lambda: integers("u1"))),
        column("SHORTS", f"{letter}I()", array=ragged(lambda: integers("i2")), null=-32768),
        column("INTS", f"{letter}J()", array=ragged(lambda: integers("i4"))),
        column("LONGS", f"{letter}K()", array=ragged(lambda: integers("i8"))),
        column("FLOATS", f"{letter}E()", array=ragged(lambda: reals("f4")), unit="e- s-1"),
        column("DOUBLES", f"{letter}D()", array=ragged(lambda: reals("f8"))),
        column("COMPLEX32", f"{letter}C()", array=ragged(lambda: np.array([1 + 2j, -0.5 - 3j], dtype="c8"))),
        column("COMPLEX64", f"{letter}M()", array=ragged(lambda: np.array([1 + 2j, -0.5 - 3j], dtype="c16"))),
        column("TEXT", f"{letter}A()", array=np.array(["alf Eri", "", "x", "a longer one", "end"], dtype=object)),
        column("ROW", "J", array=np.arange(ROWS)),
    ]
    return fits.BinTableHDU.from_columns(columns, name=name)


def odd():
    columns = [
        fits.Column("NULLS", "2L", array=np.ones((ROWS, 2), dtype=bool)),
        fits.Column("STRINGS", "10A", array=np.array(["abcdefghij", "ab   cd", "", "xyz", "     12345"])),
        fits.Column("NOSHAPE", "6I", array=integers("i2", (6,))),
        fits.Column("SHIFTED", "J", array=integers("i4")),
        fits.Column("EMPTY", "0D", array=np.zeros((ROWS, 0))),
    ]
    hdu = fits.BinTableHDU.from_columns(columns, name="ODD")
    hdu.header["XDIM3"], hdu.header["XZERO4"], hdu.header["XSCAL4"] = "(4,2)", 100, 1
    return hdu


def patch(path):
    """Writes into the bytes of the file what astropy does not write."""
    with fits.open(path) as hdus:
        info = hdus["ODD"].fileinfo()
        row_len = hdus["ODD"].header["NAXIS1"]
        gapped = hdus["GAPPED"].fileinfo()
        rows_end = hdus["GAPPED"].header["NAXIS1"] * ROWS
        heap_len = hdus["GAPPED"].header["PCOUNT"]
    with open(path, "r+b") as file:
        bytes_ = bytearray(file.read())

        def card(start, keyword, text):
            at = bytes_.index(f"{keyword:<8}=".encode(), start)
            bytes_[at : at + 80] = f"{keyword:<8}= {text}".ljust(80).encode()

        # Logical values that are neither true nor false.
        first = info["datLoc"]
        bytes_[first + row_len] = 0
        bytes_[first + 2 * row_len + 1] = 0
        header = info["hdrLoc"]
        # Two strings of five letters in each row, by the width behind the letter.
        card(header, "TFORM2", "'10A5    '")
        for stem in (b"SCAL", b"ZERO", b"DIM"):
            bytes_[:] = bytes_.replace(b"X" + stem, b"T" + stem)
        # The heap of GAPPED begins some bytes behind its rows; there is room before the end of the block.
        gap = 40
        start = gapped["datLoc"] + rows_end
        assert (rows_end + heap_len + gap - 1) // 2880 == (rows_end + heap_len - 1) // 2880
        bytes_[start + gap : start + gap + heap_len] = bytes_[start : start + heap_len]
        bytes_[start : start + gap] = b"\xff" * gap
        card(gapped["hdrLoc"], "PCOUNT", f"{heap_len + gap:>20}")
        end = bytes_.index(b"END" + b" " * 77, gapped["hdrLoc"])
        bytes_[end : end + 160] = f"THEAP   = {rows_end + gap:>20}".ljust(80).encode() + b"END".ljust(80)
        file.seek(0)
        file.write(bytes_)


def real(value):
    return repr(float(value))


def plain(value):
    """A value as it stands in the JSON."""
    if isinstance(value, (np.bool_, bool)):
        return bool(value)
    if isinstance(value, (np.integer, int)):
        return int(value)
    if isinstance(value, (np.complexfloating, complex)):
        return [real(value.real), real(value.imag)]
    if isinstance(value, (np.floating, float)):
        return real(value)
    return str(value).rstrip(" ")


def describe(hdu, raw, n, name):
    header = hdu.header
    values = hdu.data.field(n)
    stored = raw.data.field(n)
    form = header[f"TFORM{n + 1}"]
    null = header.get(f"TNULL{n + 1}")
    variable = any(letter in form for letter in "PQ")
    rows = []
    for row in range(len(values)):
        cell, cell_stored = values[row], stored[row]
        scalar = not variable and np.ndim(cell) == 0
        if variable and "A" in form:
            # astropy gives the letters, blanks removed.
            rows.append("".join(letter or " " for letter in np.ravel(cell)))
            continue
        elements = [plain(value) for value in np.ravel(cell)]
        if null is not None:
            kept = np.ravel(cell_stored)
            elements = [None if kept[k] == null else value for k, value in enumerate(elements)]
        rows.append(elements[0] if scalar else elements)
    if variable:
        repeat = None if "A" in form else "heap"
        kind = "str" if "A" in form else np.asarray(values[0]).dtype.name
    else:
        repeat = None if values.ndim == 1 else int(np.prod(values.shape[1:]))
        kind = "str" if values.dtype.kind == "U" else values.dtype.newbyteorder("=").name
    keywords = {"unit": "TUNIT", "ucd": "TUCD", "display": "TDISP", "tdim": "TDIM", "description": "TCOMM"}
    meta = {key: header[f"{stem}{n + 1}"] for key, stem in keywords.items() if f"{stem}{n + 1}" in header}
    return {"name": name, "element": kind, "repeat": repeat, "metadata": meta, "values": rows}


def expected(path):
    tables = []
    with fits.open(path) as hdus, fits.open(path, do_not_scale_image_data=True, uint=False) as raws:
        for hdu, raw in list(zip(hdus, raws))[1:]:
            for n in range(len(raw.columns)):
                raw.columns[n].bzero = raw.columns[n].bscale = None
            columns = [describe(hdu, raw, n, name) for n, name in enumerate(hdu.columns.names)]
            tables.append({"name": hdu.name, "rows": len(hdu.data), "columns": columns})
    return tables


def correct(tables):
    """What the standard says and astropy leaves to its user, or does otherwise."""
    by_name = {table["name"]: {column["name"]: column for column in table["columns"]} for table in tables}
    fixed_ = by_name["FIXED"]
    fixed_["FLOAT"]["metadata"]["description"] = "magnitude in the broad band"
    signed = fixed_["SIGNED"]
    signed["element"], signed["values"] = "int8", [int(float(value)) for value in signed["values"]]
    # astropy has one string of ten letters.
    strings = by_name["ODD"]["STRINGS"]
    strings["repeat"] = 2
    strings["values"] = [[text[:5].rstrip(), text[5:].rstrip()] for text in strings["values"]]
    # A shape of more elements than there are is to be ignored.
    del by_name["ODD"]["NOSHAPE"]["metadata"]["tdim"]
    # astropy gives False for logical bytes that are neither T nor F; those are the two that patch() wrote.
    nulls = by_name["ODD"]["NULLS"]["values"]
    assert nulls[1][0] is False and nulls[2][1] is False
    nulls[1][0] = nulls[2][1] = None


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", required=True)
    args = parser.parse_args()
    os.makedirs(args.out, exist_ok=True)
    path = os.path.join(args.out, "types.fits")
    tables = [fixed(), heap("HEAP", "P"), heap("HEAPQ", "Q"), heap("GAPPED", "P"), odd()]
    fits.HDUList([fits.PrimaryHDU(), *tables]).writeto(path, overwrite=True)
    patch(path)
    tables = expected(path)
    correct(tables)
    with open(os.path.join(args.out, "types.json"), "w") as file:
        json.dump({"astropy": astropy.__version__, "numpy": np.__version__, "tables": tables}, file, indent=None)
        file.write("\n")


if __name__ == "__main__":
    sys.exit(main())
