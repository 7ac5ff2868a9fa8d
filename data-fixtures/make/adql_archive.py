#!/usr/bin/env python3
"""Makes the tables that the queries of `adql/archive.adql` are asked of.

  adql_archive.py gaia_dr3_g10.parquet hipparcos2.parquet OUT_FOLDER

`gaia.parquet` (epoch 2016.0) has the stars of the regions that queries name, and of the rest of the sky one in sixteen;
`hipparcos.parquet` (epoch 1991.25) those that are bright, near or in the Pleiades, and of the rest one in sixteen.
"""
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from astropy.coordinates import SkyCoord

FIELDS = [
    (56.75, 24.12, 3.1),
    (130.1, 19.67, 2.1),
    (83.8, -5.4, 1.1),
    (201.3, -43.0, 0.8),
    (266.4, -29.0, 1.0),
    (0.0, 0.0, 2.3),
    (281.0, 34.0, 4.5),
    (0.0, 90.0, 6.1),
]


def in_fields(table):
    places = SkyCoord(table["ra"].to_numpy(), table["dec"].to_numpy(), unit="deg")
    inside = np.zeros(len(table), bool)
    for ra, dec, radius in FIELDS:
        inside |= places.separation(SkyCoord(ra, dec, unit="deg")).deg < radius
    return inside


def write(table, keep, path):
    kept = table.filter(pa.array(keep))
    doubles = [field.name for field in kept.schema if pa.types.is_floating(field.type)]
    pq.write_table(
        kept,
        path,
        compression="zstd",
        compression_level=19,
        use_dictionary=False,
        column_encoding={name: "BYTE_STREAM_SPLIT" if name in doubles else "DELTA_BINARY_PACKED" for name in kept.schema.names},
    )
    print(path, len(kept))


def main(gaia, hipparcos, out):
    gaia = pq.read_table(gaia, columns=["source_id", "ra", "dec", "phot_g_mean_mag"])
    some = np.arange(len(gaia)) % 16 == 0
    bright = gaia["phot_g_mean_mag"].to_numpy() < 6
    write(gaia, in_fields(gaia) | some | bright, f"{out}/gaia.parquet")
    hipparcos = pq.read_table(hipparcos)
    number = lambda name: hipparcos[name].to_numpy(zero_copy_only=False)
    near = (number("plx") > 25) | (np.hypot(number("pmra"), number("pmdec")) > 1000)
    some = number("hip") % 16 == 0
    write(hipparcos, in_fields(hipparcos) | near | some | (number("hpmag") < 6), f"{out}/hipparcos.parquet")


if __name__ == "__main__":
    main(*sys.argv[1:])
