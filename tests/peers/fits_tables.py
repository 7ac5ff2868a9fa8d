#!/usr/bin/env python3
"""Checks tables that were read and written again against those they were read from, with astropy.

  fits_tables.py ORIGINAL NAME COPY

NAME is the EXTNAME of a table in ORIGINAL; COPY has it in its first extension, where columns may be left out. Checked are:
astropy opens the copy without a warning and finds every checksum right; its columns have the names, types, values (not
a number equals not a number), nulls and the keywords TUNIT, TUCD, TDISP and TCOMM of the original. Bits may have become
logical values and descriptors of one kind those of the other. Prints a line that begins with "ok" and exits with 0, or
says what differs and exits with 1.

Needs astropy 8.0.
"""
import sys
import warnings

import numpy as np
from astropy.io import fits


class Differs(Exception):
    """Two things that should be equal are not."""


def want(truth, message):
    if not truth:
        raise Differs(message)


def plain(cell):
    """A cell as a flat array in the machine's order of bytes."""
    cell = np.ravel(np.asarray(cell))
    return cell.astype(cell.dtype.newbyteorder("="))


def same(found, wanted):
    if found.dtype.kind in "US":
        return [str(text).rstrip() for text in found] == [str(text).rstrip() for text in wanted]
    return found.dtype == wanted.dtype and np.array_equal(found, wanted, equal_nan=found.dtype.kind in "fc")


def main(original, name, copy):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        # Logical nulls are in the original on purpose.
        warnings.filterwarnings("ignore", message=".*contains NULL.*")
        copied = fits.open(copy, checksum=True)
        copied.verify("exception")
        for n, hdu in enumerate(copied):
            want("CHECKSUM" in hdu.header and "DATASUM" in hdu.header, f"HDU {n} has no checksum")
        warnings.simplefilter("default")
        warnings.simplefilter("ignore", category=fits.verify.VerifyWarning)
        source = fits.open(original)[name]
        copied = copied[1]
        want(copied.name == name, f"EXTNAME is {copied.name}")
        want(len(copied.data) == len(source.data), f"{len(copied.data)} rows instead of {len(source.data)}")
        for column in copied.columns.names:
            here, there = copied.columns.names.index(column), source.columns.names.index(column)
            for stem in ("TUNIT", "TUCD", "TDISP", "TCOMM"):
                wanted = source.header.get(f"{stem}{there + 1}")
                if stem != "TCOMM" or wanted is not None:
                    found = copied.header.get(f"{stem}{here + 1}")
                    want(found == wanted, f"{column}: {stem} is {found!r}, expected {wanted!r}")
            found, wanted = copied.data.field(here), source.data.field(there)
            nulls = [hdu.header.get(f"TNULL{n + 1}") for hdu, n in ((copied, here), (source, there))]
            for row in range(len(wanted)):
                a, b = plain(found[row]), plain(wanted[row])
                if nulls[0] is not None or nulls[1] is not None:
                    want(np.array_equal(a == nulls[0], b == nulls[1]), f"{column}, row {row}: other nulls")
                    a, b = a[a != nulls[0]], b[b != nulls[1]]
                if a.size == 0 and b.size == 0:
                    continue
                want(same(a, b), f"{column}, row {row}: {a!r} instead of {b!r}")
        print(f"ok {name}: {len(copied.columns.names)} columns")


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    try:
        main(*sys.argv[1:])
    except (Differs, Warning, OSError, ValueError, KeyError) as error:
        print(f"error: {sys.argv[3]}: {error}", file=sys.stderr)
        sys.exit(1)
