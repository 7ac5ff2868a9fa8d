#!/usr/bin/env python3
"""Asks astropy for many points of every header in a fixture of data-fixtures/wcs.

  wcs_points.py --header-cards chips.txt [more.txt ...] --out DIR [--points 10000] [--seed 1]

DIR/NAME.f64 gets, for each block NAME, --points rows of eight little-endian doubles:

  x y ra dec   a pixel (0-based) and its position by all_pix2world
  ra dec x y   a position (degrees) and its pixel by all_world2pix(tolerance=1e-10)

Pixels are uniform over a TESS full-frame image and 25 pixels around it. Where astropy's iteration diverges, as it
does beyond a corner of the one chip of order 9, x and y of the second kind are NaN.
"""
import argparse
import os

import numpy as np
from astropy.io import fits
from astropy.wcs import WCS, NoConvergence

COLUMNS, ROWS, MARGIN = 2136, 2078, 25


def headers(path):
    name, cards = None, []
    with open(path) as f:
        for line in f:
            kind, _, rest = line.rstrip("\n").partition(" ")
            if kind == "begin":
                name, cards = rest, []
            elif kind == "card":
                keyword, _, value = rest.partition(" ")
                if value.startswith("'"):
                    cards.append((keyword, value.strip("'")))
                else:
                    number = float(value)
                    cards.append((keyword, int(number) if keyword.endswith("_ORDER") else number))
            elif kind == "end":
                yield name, fits.Header(cards)


def pixels(rng, count):
    return np.column_stack([rng.uniform(-MARGIN, COLUMNS + MARGIN, count), rng.uniform(-MARGIN, ROWS + MARGIN, count)])


def all_world2pix(wcs, sky):
    try:
        return wcs.all_world2pix(sky, 0, tolerance=1e-10, maxiter=200)
    except NoConvergence as e:
        answer = e.best_solution.copy()
        for failed in (e.divergent, e.slow_conv):
            if failed is not None:
                answer[failed] = np.nan
        return answer


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--header-cards", required=True, nargs="+")
    ap.add_argument("--out", required=True)
    ap.add_argument("--points", type=int, default=10000)
    ap.add_argument("--seed", type=int, default=1)
    a = ap.parse_args()
    os.makedirs(a.out, exist_ok=True)
    for f, path in enumerate(a.header_cards):
        for n, (name, header) in enumerate(headers(path)):
            rng = np.random.default_rng([a.seed, f, n])
            wcs = WCS(header)
            order = [wcs.wcs.lng, wcs.wcs.lat]
            xy = pixels(rng, a.points)
            sky = wcs.all_pix2world(xy, 0)
            asked = wcs.all_pix2world(pixels(rng, a.points), 0)
            answer = all_world2pix(wcs, asked)
            rows = np.hstack([xy, sky[:, order], asked[:, order], answer])
            rows.astype("<f8").tofile(os.path.join(a.out, name + ".f64"))


if __name__ == "__main__":
    main()
