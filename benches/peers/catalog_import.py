#!/usr/bin/env python3
"""Makes a HATS catalogue of a parquet table with hats-import, by two workers. catalog_import.py TABLE FOLDER

The table is cut into twenty first, as hats-import gives whole files to its workers; that is not counted. Prints
{"seconds", "rows"}.
"""
import json
import shutil
import sys
import time
from pathlib import Path

import pyarrow.parquet as pq
from hats import read_hats
from hats_import import pipeline
from hats_import.catalog.arguments import ImportArguments
from hats_import.catalog.file_readers import ParquetPyarrowReader


def cut(table, folder, pieces=20):
    """The rows of a table in files of about the same number of row groups."""
    folder.mkdir(parents=True)
    source = pq.ParquetFile(table)
    groups = range(source.num_row_groups)
    paths = []
    for piece in range(pieces):
        mine = list(groups[piece * len(groups) // pieces : (piece + 1) * len(groups) // pieces])
        if mine:
            paths.append(folder / f"{piece:02}.parquet")
            pq.write_table(source.read_row_groups(mine), paths[-1])
    return paths


def main():
    table, folder = Path(sys.argv[1]), Path(sys.argv[2])
    shutil.rmtree(folder, ignore_errors=True)
    files = cut(table, folder / "pieces")
    arguments = ImportArguments(
        output_artifact_name="stars",
        output_path=folder / "hats",
        input_file_list=files,
        file_reader=ParquetPyarrowReader(chunksize=500_000),
        ra_column="ra",
        dec_column="dec",
        pixel_threshold=1_000_000,
        dask_n_workers=2,
        dask_threads_per_worker=1,
        dask_tmp=folder / "tmp",
        progress_bar=False,
    )
    start = time.perf_counter()
    pipeline(arguments)
    seconds = time.perf_counter() - start
    rows = len(read_hats(folder / "hats" / "stars"))
    shutil.rmtree(folder)
    print(json.dumps({"seconds": seconds, "rows": rows}))


if __name__ == "__main__":
    main()
