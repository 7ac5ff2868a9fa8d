#!/usr/bin/env python3
"""Checks a density map and a coverage with healpy and mocpy.

  catalog_maps.py MAP.fits MOC.fits TABLE.parquet

The map has in each cell the rows of TABLE that healpy finds in it; the MOC has the cells that have rows, of its depth, and
no others. Prints a line that begins with "ok" and exits with 0, or says what differs and exits with 1.

Needs healpy 1.20, mocpy 0.21, pyarrow 26.0.
"""
import sys

import healpy
import numpy as np
import pyarrow.parquet as pq
from astropy.coordinates import Latitude, Longitude
from mocpy import MOC


def main(density, coverage, table):
    table = pq.read_table(table, columns=["ra", "dec"])
    ra, dec = (table[name].to_numpy() for name in ("ra", "dec"))
    found, header = healpy.read_map(density, nest=True, h=True, dtype=np.int64)
    header = dict(header)
    nside = healpy.npix2nside(len(found))
    wanted = np.bincount(healpy.ang2pix(nside, ra, dec, nest=True, lonlat=True), minlength=len(found))
    if not np.array_equal(found, wanted):
        sys.exit(f"the map differs in {np.sum(found != wanted)} cells")
    if header["COORDSYS"] != "C" or header["NSIDE"] != nside:
        sys.exit(f"header {header}")
    moc = MOC.from_fits(coverage)
    cells = np.unique(healpy.ang2pix(1 << moc.max_order, ra, dec, nest=True, lonlat=True))
    if not np.array_equal(np.sort(moc.flatten()), cells):
        sys.exit("the MOC has other cells")
    if not moc.contains_lonlat(Longitude(ra, "deg"), Latitude(dec, "deg")).all():
        sys.exit("the MOC does not contain all rows")
    print(f"ok {np.sum(found)} rows, {len(cells)} cells of order {moc.max_order}")


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    main(*sys.argv[1:])
