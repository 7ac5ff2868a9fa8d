#!/usr/bin/env python3
"""Checks a HATS catalogue with the programs that others read it with.

  catalog_check.py CATALOGUE TABLE.parquet...

TABLE are the tables that the catalogue was made of. Checked are: hats finds the catalogue valid, strictly; lsdb computes
it with as many rows as the tables have, and has them in the cells that cdshealpix finds; pyarrow and DuckDB count the
same rows and sum each column of numbers as it is summed in the tables; the map of rows has them all; units and
descriptions are those of the tables. Prints a line that begins with "ok" and exits with 0, or says what differs and exits
with 1.

Needs hats 0.11.1, lsdb 0.11.1, pyarrow 26.0, duckdb 2.0, cdshealpix 0.9.
"""
import os
import sys
import warnings

warnings.simplefilter("ignore")

import duckdb  # noqa: E402
import hats  # noqa: E402
import lsdb  # noqa: E402
import numpy as np  # noqa: E402
import pyarrow as pa  # noqa: E402
import pyarrow.compute as pc  # noqa: E402
import pyarrow.dataset as ds  # noqa: E402
import pyarrow.parquet as pq  # noqa: E402
from cdshealpix.nested import lonlat_to_healpix  # noqa: E402
from astropy.coordinates import Latitude, Longitude  # noqa: E402
from hats.io.validation import is_valid_catalog  # noqa: E402


class Differs(Exception):
    """Two things that should be equal are not."""


def want(truth, message):
    if not truth:
        raise Differs(message)


def main(path, tables):
    tables = pa.concat_tables([pq.read_table(table) for table in tables])
    want(is_valid_catalog(path, strict=True), "hats does not find the catalogue valid")
    info = hats.read_hats(path)
    want(info.catalog_info.total_rows == len(tables), f"hats_nrows is {info.catalog_info.total_rows}")
    frame = lsdb.open_catalog(path, columns="all").compute()
    want(len(frame) == len(tables), f"lsdb has {len(frame)} rows, expected {len(tables)}")
    properties = info.catalog_info
    ra, dec = frame[properties.ra_column].to_numpy(float), frame[properties.dec_column].to_numpy(float)
    cells = lonlat_to_healpix(Longitude(ra, "deg"), Latitude(dec, "deg"), 29)
    stored = frame.index.to_numpy() if frame.index.name == "_healpix_29" else frame["_healpix_29"].to_numpy()
    want(np.array_equal(np.asarray(cells, dtype=np.int64), stored.astype(np.int64)), "cells differ")

    dataset = ds.parquet_dataset(os.path.join(path, "dataset", "_metadata"))
    want(dataset.count_rows() == len(tables), f"pyarrow counts {dataset.count_rows()} rows")
    files = os.path.join(path, "dataset", "Norder=*", "Dir=*", "Npix=*.parquet")
    database = duckdb.connect()
    rows = database.execute(f"SELECT count(*) FROM read_parquet('{files}')").fetchone()[0]
    want(rows == len(tables), f"DuckDB counts {rows} rows")
    numbers = [field for field in tables.schema if pa.types.is_floating(field.type) or pa.types.is_integer(field.type)]
    ours = dataset.to_table(columns=[field.name for field in numbers])
    for field in numbers:
        there, here = (pc.sort_indices(table[field.name]) for table in (tables, ours))
        same = tables[field.name].take(there).combine_chunks(), ours[field.name].take(here).combine_chunks()
        want(same[0].to_numpy(zero_copy_only=False).tobytes() == same[1].to_numpy(zero_copy_only=False).tobytes(), f"{field.name} differs")
        total = database.execute(f"SELECT sum(\"{field.name}\"::DOUBLE) FROM read_parquet('{files}')").fetchone()[0]
        expected = pc.sum(pc.cast(tables[field.name], pa.float64(), safe=False)).as_py()
        want(np.isclose(total, expected, rtol=1e-9, atol=1e-6, equal_nan=True), f"DuckDB sums {field.name} to {total}")
        want(dataset.schema.field(field.name).metadata == field.metadata, f"metadata of {field.name} differ")
    points = hats.io.skymap.read_skymap(info, None)
    want(points.sum() == len(tables), f"the map has {points.sum()} rows")
    print(f"ok {os.path.basename(path)}: {len(tables)} rows, {len(info.get_healpix_pixels())} partitions")


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    try:
        main(sys.argv[1], sys.argv[2:])
    except Differs as problem:
        sys.exit(str(problem))
