#!/usr/bin/env python3
"""Makes the fixtures of catalogues: real stars of four fields, and which of them are the same.

  catalog_sample.py gaia_dr3_g10.parquet hipparcos2.parquet OUT_FOLDER

Fields: the Pleiades, pi Mensae, the north pole, and right ascension 0 on the equator. Written are `gaia.parquet` (epoch
2016.0; the columns named for proper motions are left out, they hold magnitudes), `hipparcos.parquet` (epoch 1991.25), and
`matches.csv`: every pair within 3 arcseconds, its separation by astropy with the Hipparcos star where it was in 1991.25,
and with it moved to 2016.0 by `apply_space_motion` (proper motion alone).
"""
import sys

import astropy
import astropy.units as u
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from astropy.coordinates import SkyCoord
from astropy.time import Time

FIELDS = [(56.75, 24.12, 3.0), (84.29119, -80.46917, 4.0), (0.0, 90.0, 4.0), (0.0, 0.0, 4.0)]
WITHIN = 3.0


def sample(path, columns):
    table = pq.read_table(path, columns=columns)
    places = SkyCoord(table["ra"].to_numpy(), table["dec"].to_numpy(), unit="deg")
    inside = np.zeros(len(table), bool)
    for ra, dec, radius in FIELDS:
        inside |= places.separation(SkyCoord(ra, dec, unit="deg")).deg < radius
    return table.filter(pa.array(inside))


def pairs(left, right):
    a, b, apart, _ = right.search_around_sky(left, WITHIN * u.arcsec)
    return {(int(i), int(j)): d for i, j, d in zip(a, b, apart.arcsec)}


def main(gaia, hipparcos, out):
    gaia = sample(gaia, ["source_id", "ra", "dec", "phot_g_mean_mag"])
    hipparcos = sample(hipparcos, None)
    pq.write_table(gaia, f"{out}/gaia.parquet", compression="zstd")
    pq.write_table(hipparcos, f"{out}/hipparcos.parquet", compression="zstd")
    number = lambda table, name: table[name].to_numpy()
    there = SkyCoord(number(gaia, "ra"), number(gaia, "dec"), unit="deg")
    then = SkyCoord(
        number(hipparcos, "ra") * u.deg,
        number(hipparcos, "dec") * u.deg,
        pm_ra_cosdec=number(hipparcos, "pmra") * u.mas / u.yr,
        pm_dec=number(hipparcos, "pmdec") * u.mas / u.yr,
        obstime=Time(1991.25, format="jyear", scale="tcb"),
    )
    now = then.apply_space_motion(Time(2016.0, format="jyear", scale="tcb"))
    still = pairs(SkyCoord(then.ra, then.dec), there)
    moved = pairs(SkyCoord(now.ra, now.dec), there)
    with open(f"{out}/matches.csv", "w") as file:
        file.write(f"# astropy {astropy.__version__}; separations in arcsec, empty beyond {WITHIN}\n")
        file.write("hip,source_id,still_arcsec,moved_arcsec\n")
        for i, j in sorted(set(still) | set(moved)):
            name = hipparcos["hip"][i].as_py(), gaia["source_id"][j].as_py()
            apart = [f"{each[i, j]:.12f}" if (i, j) in each else "" for each in (still, moved)]
            file.write(f"{name[0]},{name[1]},{apart[0]},{apart[1]}\n")
    print(len(gaia), "stars of Gaia,", len(hipparcos), "of Hipparcos,", len(still), "pairs still,", len(moved), "moved")


main(*sys.argv[1:])
