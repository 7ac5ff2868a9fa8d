#!/usr/bin/env python3
"""Reads the same rows from several files with astropy and pyarrow: rows_check.py PARQUET FILE...

The first file is the measure: values and missing values, units, UCDs and descriptions as the format has them.
"""
import json
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from astropy.table import Table

truth = pq.read_table(sys.argv[1])
about = {
    field.name: {key.decode(): value.decode() for key, value in (field.metadata or {}).items()} for field in truth.schema
}


def same(found, wanted):
    """Whether a cell is that of the measure; where missing values cannot be told from NaN or nothing, these are."""
    if wanted is None:
        return found is None or found == "" or (isinstance(found, float) and np.isnan(found))
    if isinstance(wanted, float) and np.isnan(wanted):
        return found is None or np.isnan(found)
    if isinstance(wanted, list):
        return len(found) == len(wanted) and all(map(same, found, wanted))
    return found == wanted


def plain(value):
    """A cell as Python has it."""
    if value is np.ma.masked:
        return None
    if isinstance(value, np.ndarray):
        return [plain(one) for one in value]
    if isinstance(value, bytes):
        return value.decode()
    return value.item() if isinstance(value, np.generic) else value


for name in sys.argv[2:]:
    kind = Path(name).suffix[1:]
    if kind == "json":
        document = json.loads(Path(name).read_text())
        names = [column["name"] for column in document["metadata"]]
        columns = {column: [row[n] for row in document["data"]] for n, column in enumerate(names)}
        told = {column["name"]: column for column in document["metadata"]}
    elif kind in ("csv", "tsv"):
        table = Table.read(name, format="ascii.csv", delimiter="," if kind == "csv" else "\t")
        columns = {column: [plain(value) for value in table[column]] for column in table.colnames}
        told = {}
    else:
        names = {"use_names_over_ids": True} if kind == "vot" else {}
        table = Table.read(name, format={"ecsv": "ascii.ecsv", "fits": "fits", "vot": "votable"}[kind], **names)
        columns = {column: [plain(value) for value in table[column]] for column in table.colnames}
        told = {column: {"unit": str(table[column].unit or "")} for column in table.colnames}
        # FITS has descriptions as comments, which astropy's tables do not keep, and no UCD.
        if kind != "fits":
            for column in table.colnames:
                told[column]["description"] = table[column].description or ""
                told[column]["ucd"] = table[column].meta.get("ucd", "")
    assert list(columns) == truth.column_names, (name, list(columns))
    for column in truth.column_names:
        wanted = truth[column].to_pylist()
        assert len(columns[column]) == len(wanted), (name, column, len(columns[column]))
        single = truth.schema.field(column).type == pa.float32()
        for row, (one, other) in enumerate(zip(columns[column], wanted)):
            # The shortest digits of a single are not those of the double that has its value.
            if single and isinstance(one, float) and other is not None:
                one = float(np.float32(one))
            if isinstance(other, bool) and kind in ("csv", "tsv"):
                one = {"true": True, "false": False}.get(str(one).lower(), one)
            # astropy takes the 0 of an undefined logical for false.
            if kind == "fits" and other is None and one is False:
                continue
            assert same(one, other), (name, column, row, one, other)
        for key in ("unit", "ucd", "description"):
            if kind in ("csv", "tsv") or (kind == "fits" and key != "unit"):
                continue
            assert told[column].get(key, "") == about[column].get(key, ""), (name, column, key, told[column])
    print("ok", name)
