#!/usr/bin/env python3
"""Writes data-fixtures/wcs: header cards and what astropy makes of them.

  wcs_astropy.py --wcsdata TESS_wcs_data.json.bz2 [--out data-fixtures/wcs] [--points 60] [--every-chip]

--wcsdata is the file of that name in the Python package tesswcs (MIT licence): real TESS coefficients of every
sector, camera and CCD. Two files are written, equal bytes on every run with the same versions:

  chips.txt  every chip of sectors 1, 27 and 56, and every chip of a SIP order above 5 (--every-chip: all)
  cases.txt  small headers in the other spellings the standard allows, and awkward tangent points

Blocks look like this; pixels are 0-based, angles degrees, numbers round-trip:

  begin NAME
  card KEYWORD VALUE          text in single quotes
  pixel X Y RA DEC            astropy's all_pix2world of (X, Y)
  sky RA DEC X Y              astropy's all_world2pix(tolerance=1e-10) of (RA, DEC)
  scales SX SY                proj_plane_pixel_scales
  corners COLUMNS ROWS RA DEC RA DEC RA DEC RA DEC      calc_footprint(center=True)
  end
"""
import argparse
import bz2
import json
import os

import astropy
import numpy as np
from astropy.io import fits
from astropy.wcs import WCS, _wcs
from astropy.wcs.utils import proj_plane_pixel_scales

COLUMNS, ROWS = 2136, 2078
SECTORS = (1, 27, 56)


def chip_cards(d):
    """The cards of a SPOC full-frame image that concern its WCS."""
    cards = [
        ("CTYPE1", "RA---TAN-SIP"), ("CTYPE2", "DEC--TAN-SIP"),
        ("CRVAL1", d["crval0"][0]), ("CRVAL2", d["crval0"][1]),
        ("CRPIX1", float(d["crpix0"][0])), ("CRPIX2", float(d["crpix0"][1])),
        ("CD1_1", d["cd"][0][0]), ("CD1_2", d["cd"][0][1]),
        ("CD2_1", d["cd"][1][0]), ("CD2_2", d["cd"][1][1]),
        ("CUNIT1", "deg"), ("CUNIT2", "deg"),
    ]
    for axis in ("a", "b", "ap", "bp"):
        m = np.array(d["sip_" + axis])
        order = m.shape[0] - 1
        cards.append((axis.upper() + "_ORDER", order))
        for i in range(order + 1):
            for j in range(order + 1 - i):
                if m[i, j] != 0:
                    cards.append((f"{axis.upper()}_{i}_{j}", float(m[i, j])))
    return cards


def chips(data, every):
    for sector in sorted(data, key=int):
        for camera in "1234":
            for ccd in "1234":
                d = data[sector][camera][ccd]
                order = max(np.array(d["sip_" + axis]).shape[0] - 1 for axis in "ab")
                if every or int(sector) in SECTORS or order > 5:
                    yield f"s{int(sector):04d}-{camera}-{ccd}", chip_cards(d)


def tan(ra, dec, more, ctype=("RA---TAN", "DEC--TAN")):
    return [("CTYPE1", ctype[0]), ("CTYPE2", ctype[1]), ("CRVAL1", ra), ("CRVAL2", dec),
            ("CRPIX1", 1045.5), ("CRPIX2", 1001.25)] + more


def cases():
    p = 21.0 / 3600
    cd = [("CD1_1", -0.004), ("CD1_2", 0.0041), ("CD2_1", 0.0043), ("CD2_2", 0.0039)]
    swapped = ("DEC--TAN", "RA---TAN")
    sip = [("A_ORDER", 3), ("A_2_0", 1.7e-5), ("A_0_2", -3e-6), ("A_1_2", 2e-9), ("B_ORDER", 2), ("B_1_1", -1.1e-5),
           ("B_0_2", 4e-6)]
    yield "cd", tan(84.29, -80.47, cd)
    yield "cd-without-diagonal", tan(84.29, 8.47, [("CD1_2", p), ("CD2_1", p)])
    yield "pc-cdelt", tan(84.29, -60.47, [("CDELT1", -p), ("CDELT2", p), ("PC1_1", 0.8), ("PC1_2", -0.59),
                                          ("PC2_1", 0.61), ("PC2_2", 0.79)])
    yield "pc-without-diagonal", tan(84.29, -60.47, [("CDELT1", -p), ("CDELT2", 0.9 * p), ("PC1_2", -0.2)])
    yield "pc-without-cdelt", tan(84.29, -60.47, [("PC1_1", -p), ("PC2_2", p)])
    yield "cdelt", tan(84.29, 60.47, [("CDELT1", -p), ("CDELT2", 0.9 * p)])
    yield "cdelt-crota2", tan(84.29, 60.47, [("CDELT1", -p), ("CDELT2", 0.9 * p), ("CROTA2", 33.0)])
    yield "swapped", tan(-60.47, 84.29, cd, swapped)
    yield "swapped-crota1", tan(-60.47, 84.29, [("CDELT1", p), ("CDELT2", -0.9 * p), ("CROTA1", 33.0)], swapped)
    yield "swapped-pc", tan(-60.47, 84.29, [("CDELT1", p), ("CDELT2", -0.9 * p), ("PC1_2", 0.1)], swapped)
    yield "swapped-sip", tan(-60.47, 84.29, cd + sip, ("DEC--TAN-SIP", "RA---TAN-SIP"))
    yield "arcsec", tan(84.29 * 3600, 60.47 * 3600, [("CDELT1", -21.0), ("CDELT2", 21.0), ("CUNIT1", "arcsec"),
                                                     ("CUNIT2", "arcsec")])
    yield "radian", tan(1.25, -0.5, [("CDELT1", -1e-4), ("CDELT2", 1e-4), ("CUNIT1", "rad"), ("CUNIT2", "rad")])
    yield "north-pole", tan(84.29, 90.0, cd)
    yield "south-pole", tan(84.29, -90.0, cd)
    yield "north-pole-lonpole-180", tan(84.29, 90.0, cd + [("LONPOLE", 180.0)])
    yield "near-the-north-pole", tan(84.29, 89.5, cd)
    yield "lonpole-0", tan(84.29, 20.0, cd + [("LONPOLE", 0.0)])
    yield "lonpole-90", tan(84.29, -20.0, cd + [("LONPOLE", 90.0)])
    yield "lonpole-17.5", tan(84.29, -20.0, cd + [("LONPOLE", 17.5)])
    yield "ra-0", tan(0.0, -20.0, cd)
    yield "ra-just-below-360", tan(359.999, 20.0, cd)
    yield "ra-negative", tan(-10.0, 20.0, cd)
    yield "ra-above-360", tan(365.0, 20.0, cd)
    yield "order-9", tan(200.0, 10.0, cd + [("A_ORDER", 9), ("A_9_0", 1e-27), ("A_4_5", 2e-27), ("A_2_0", 1e-5),
                                            ("B_ORDER", 9), ("B_0_9", -1e-27), ("B_1_1", 1e-5)],
                         ("RA---TAN-SIP", "DEC--TAN-SIP"))


def numbers(*values):
    return " ".join(repr(float(v)) for v in values)


def block(name, cards, points, rng):
    wcs = WCS(fits.Header(cards))
    # Both rectangular margins included: stars just off the image matter to a stamp.
    xy = np.column_stack([rng.uniform(-25, COLUMNS + 25, points), rng.uniform(-25, ROWS + 25, points)]).round(3)
    xy[:4] = [[0, 0], [COLUMNS - 1, 0], [0, ROWS - 1], [COLUMNS - 1, ROWS - 1]]
    lon = wcs.wcs.lng
    sky = wcs.all_pix2world(xy, 0)
    other = np.column_stack([rng.uniform(-25, COLUMNS + 25, points), rng.uniform(-25, ROWS + 25, points)])
    asked = wcs.all_pix2world(other, 0).round(9)
    answer = wcs.all_world2pix(asked, 0, tolerance=1e-10, maxiter=200)
    corners = wcs.calc_footprint(center=True, axes=(COLUMNS, ROWS))
    order = [lon, 1 - lon]
    yield f"begin {name}"
    for keyword, value in cards:
        yield f"card {keyword} '{value}'" if isinstance(value, str) else f"card {keyword} {numbers(value)}"
    for (x, y), world in zip(xy, sky[:, order]):
        yield "pixel " + numbers(x, y, *world)
    for world, (x, y) in zip(asked[:, order], answer):
        yield "sky " + numbers(*world, x, y)
    yield "scales " + numbers(*proj_plane_pixel_scales(wcs))
    yield f"corners {COLUMNS} {ROWS} " + numbers(*corners[:, order].ravel())
    yield "end"


def write(path, blocks, points):
    with open(path, "w") as f:
        f.write(f"# data-fixtures/make/wcs_astropy.py; astropy {astropy.__version__}, "
                f"wcslib {_wcs.WCSLIB_VERSION}, numpy {np.__version__}\n")
        for n, (name, cards) in enumerate(blocks):
            for line in block(name, cards, points, np.random.default_rng([2005, n])):
                f.write(line + "\n")


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--wcsdata", required=True)
    ap.add_argument("--out", default=os.path.join(here, "..", "wcs"))
    ap.add_argument("--points", type=int, default=60)
    ap.add_argument("--every-chip", action="store_true")
    a = ap.parse_args()
    with bz2.open(a.wcsdata) as f:
        data = json.load(f)
    os.makedirs(a.out, exist_ok=True)
    write(os.path.join(a.out, "chips.txt"), chips(data, a.every_chip), a.points)
    write(os.path.join(a.out, "cases.txt"), cases(), a.points)


if __name__ == "__main__":
    main()
