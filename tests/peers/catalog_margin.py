#!/usr/bin/env python3
"""Matches two HATS catalogues with lsdb, which finds counterparts across partitions by a margin alone.

  catalog_margin.py COLLECTION CATALOGUE PAIRS.parquet

COLLECTION is a catalogue with a margin, CATALOGUE another one, PAIRS the pairs of source_id of the first and hip of the
second within 90 arcseconds with their distance, made without margins. Checked are: hats finds the collection and its margin
valid, strictly; lsdb opens the margin, whose rows say so; lsdb's pairs and distances are those of PAIRS. Prints a line that
begins with "ok" and exits with 0, or says what differs and exits with 1.

Needs hats 0.11.1, lsdb 0.11.1, pyarrow 26.0.
"""
import os
import sys
import warnings

warnings.simplefilter("ignore")

import lsdb  # noqa: E402
import numpy as np  # noqa: E402
import pyarrow.parquet as pq  # noqa: E402
from hats.io.validation import is_valid_catalog  # noqa: E402
from hats.io.validation import is_valid_collection  # noqa: E402


class Differs(Exception):
    """Two things that should be equal are not."""


def want(truth, message):
    if not truth:
        raise Differs(message)


def main(collection, catalogue, pairs):
    want(is_valid_collection(collection, strict=True), "hats does not find the collection valid")
    near = lsdb.open_catalog(collection, columns="all")
    want(near.margin is not None, "lsdb finds no margin")
    want(is_valid_catalog(near.margin.hc_structure.catalog_base_dir, strict=True), "the margin is not valid")
    threshold = near.margin.hc_structure.catalog_info.margin_threshold
    want(threshold == 120, f"the margin is of {threshold} arcseconds")
    left = lsdb.open_catalog(catalogue, columns="all")
    found = left.crossmatch(near, n_neighbors=200, radius_arcsec=90, suffixes=("_l", "_r"), suffix_method="all_columns").compute()
    theirs = sorted(zip(found["hip_l"].tolist(), found["source_id_r"].tolist(), found["_dist_arcsec"].tolist()))
    table = pq.read_table(pairs)
    ours = sorted(zip(*(table[name].to_pylist() for name in ("hip", "source_id", "_dist_arcsec"))))
    want([pair[:2] for pair in theirs] == [pair[:2] for pair in ours], f"lsdb has {len(theirs)} pairs, we have {len(ours)}")
    apart = np.abs(np.array([pair[2] for pair in theirs]) - np.array([pair[2] for pair in ours])).max()
    want(apart < 1e-6, f"distances differ by {apart} arcseconds")
    across = sum(len(near.margin.get_partition(pixel.order, pixel.pixel).compute()) for pixel in near.margin.get_healpix_pixels())
    print(f"ok {len(ours)} pairs, {across} rows in the margin of {os.path.basename(collection)}")


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    try:
        main(*sys.argv[1:])
    except Differs as problem:
        sys.exit(str(problem))
