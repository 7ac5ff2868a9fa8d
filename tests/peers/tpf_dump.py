#!/usr/bin/env python3
"""Writes what astropy reads in a target pixel file, for another reader to compare with.

  tpf_dump.py TPF OUT

OUT gets, in this order, big-endian: TIME f64, FLUX f32, FLUX_ERR f32, QUALITY i32, APERTURE i32; the images are
[time][row][column].

Needs astropy 8.0.
"""
import sys

from astropy.io import fits

if len(sys.argv) != 3:
    sys.exit(__doc__)
with fits.open(sys.argv[1]) as hdus, open(sys.argv[2], "wb") as out:
    for name, kind in (("TIME", ">f8"), ("FLUX", ">f4"), ("FLUX_ERR", ">f4"), ("QUALITY", ">i4")):
        out.write(hdus[1].data[name].astype(kind).tobytes())
    out.write(hdus[2].data.astype(">i4").tobytes())
