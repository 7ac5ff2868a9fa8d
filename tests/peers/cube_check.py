#!/usr/bin/env python3
"""Checks a cube against its frames with astropy.

  cube_check.py CUBE FRAME...

FRAME are the frames of the cube in order of time. Checked are: astropy opens the cube without a warning and finds every
checksum right; every pixel of both planes is that of its frame, bit for bit; every keyword of the frame's science
header stands in its row of the table. Prints a line that begins with "ok" and exits with 0, or says what differs and
exits with 1.

Needs astropy 8.0.
"""
import os
import sys
import warnings

import numpy as np
from astropy.io import fits


class Differs(Exception):
    """Two things that should be equal are not."""


def want(truth, message):
    if not truth:
        raise Differs(message)


def same_cell(stored, value):
    if isinstance(value, fits.card.Undefined):
        return stored in (0, "") or stored != stored
    return stored == value


def main(path, frames):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        hdus = fits.open(path, checksum=True)
        hdus.verify("exception")
    want(len(hdus) == 3, f"{len(hdus)} HDUs, expected 3")
    for n, hdu in enumerate(hdus):
        want("CHECKSUM" in hdu.header and "DATASUM" in hdu.header, f"HDU {n} has no checksum")
    pixels, table = hdus[1].data, hdus[2].data
    want(pixels.shape[2] == len(frames) == len(table), f"{pixels.shape} pixels, {len(table)} rows")
    for n, frame in enumerate(frames):
        with fits.open(frame) as images:
            spoc = len(images) == 3
            planes = [images[1].data, images[2].data] if spoc else [images[0].data]
            header = images[1 if spoc else 0].header
            for plane, image in enumerate(planes):
                found = np.ascontiguousarray(pixels[:, :, n, plane]).view(np.uint32)
                want(np.array_equal(found, image.view(np.uint32)), f"{frame}: plane {plane} differs")
            want(table["FFI_FILE"][n] == os.path.basename(frame), f"row {n} is {table['FFI_FILE'][n]}")
            for keyword in table.names:
                if keyword in header and keyword not in ("SIMPLE", "EXTEND"):
                    want(same_cell(table[keyword][n], header[keyword]), f"{frame}: {keyword} differs")
    print(f"ok {os.path.basename(path)}: {len(frames)} frames, {pixels.size} pixels")


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    try:
        main(sys.argv[1], sys.argv[2:])
    except (Differs, Warning, OSError, ValueError, KeyError) as error:
        print(f"error: {sys.argv[1]}: {error}", file=sys.stderr)
        sys.exit(1)
