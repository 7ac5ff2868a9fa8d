#!/usr/bin/env python3
"""Writes data-fixtures/sky/gaia.txt and healpix.txt: cells by healpy.

  sky_healpix.py gaia_dr3_g10.parquet [--out data-fixtures/sky]

gaia.txt: a sample of stars of Gaia DR3 (columns source_id, ra, dec of the input), a line a star

  SOURCE_ID RA DEC CELL      the nested cell of level 12, from today's position

healpix.txt, at every depth, special places among random ones (degrees):

  hash DEPTH RA DEC CELL         nested
  cell DEPTH CELL RING RA DEC    the ring number and the centre of a nested cell
"""
import argparse
import os

import healpy
import numpy as np
import pyarrow.parquet as pq


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("catalogue")
    ap.add_argument("--out", default=os.path.join(here, "..", "sky"))
    a = ap.parse_args()
    rng = np.random.default_rng(12)
    made = f"# data-fixtures/make/sky_healpix.py; healpy {healpy.__version__}, numpy {np.__version__}\n"
    table = pq.read_table(a.catalogue, columns=["source_id", "ra", "dec"])
    ids, ra, dec = (np.array(table[name]) for name in ("source_id", "ra", "dec"))
    rows = np.flatnonzero(ids >= 1_000_000)
    rows = rows[np.argsort(ids[rows])]
    by_dec = rows[np.argsort(dec[rows])]
    rows = np.unique(np.concatenate([rng.choice(rows, 1200, replace=False), by_dec[:50], by_dec[-50:]]))
    cells = healpy.ang2pix(4096, ra, dec, nest=True, lonlat=True)
    with open(os.path.join(a.out, "gaia.txt"), "w") as f:
        f.write(made + "# stars: ESA/Gaia/DPAC, CC BY-SA 3.0 IGO\n")
        for row in rows:
            f.write(f"{ids[row]} {float(ra[row])!r} {float(dec[row])!r} {cells[row]}\n")
    with open(os.path.join(a.out, "healpix.txt"), "w") as f:
        f.write(made)
        for depth in range(30):
            lon = np.concatenate([rng.uniform(0, 360, 20), [0.1, 45.3, 359.9]])
            lat = np.concatenate([np.degrees(np.arcsin(rng.uniform(-1, 1, 20))), [89.999999, -89.99999, 41.8]])
            for x, y, cell in zip(lon, lat, healpy.ang2pix(1 << depth, lon, lat, nest=True, lonlat=True)):
                f.write(f"hash {depth} {float(x)!r} {float(y)!r} {cell}\n")
            count = 12 << (2 * depth)
            some = np.unique([0, count - 1, *rng.integers(0, count, 12)])
            rings = healpy.nest2ring(1 << depth, some)
            for cell, ring, x, y in zip(some, rings, *healpy.pix2ang(1 << depth, some, nest=True, lonlat=True)):
                f.write(f"cell {depth} {cell} {ring} {float(x)!r} {float(y)!r}\n")


if __name__ == "__main__":
    main()
