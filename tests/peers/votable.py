#!/usr/bin/env python3
"""Checks VOTables against the rows they were made of, with astropy.

  votable.py ROWS DOCUMENT...

ROWS is a parquet file with the rows; each DOCUMENT has its columns, or some of them, in one table. Checked are: astropy
reads the document with every warning an exception, and its validator has nothing to say; the columns have the names, units,
UCDs and descriptions of the parquet file's and its values. Null equals not a number, and for text and lists empty, as not
all serialisations can tell them. Prints a line that begins with "ok" for each document and exits with 0, or says what
differs and exits with 1.

Needs astropy 8.0 and pyarrow.
"""
import datetime
import decimal
import math
import sys
import warnings

import numpy as np
import pyarrow as pa
import pyarrow.parquet
from astropy.io import votable


class Differs(Exception):
    """Two things that should be equal are not."""


def want(truth, message):
    if not truth:
        raise Differs(message)


def wanted_cell(value, data_type):
    """A cell of parquet as plain numbers, text and lists, with null for what can be null or something else."""
    if pa.types.is_dictionary(data_type):
        data_type = data_type.value_type
    if value is None or value == "" or value == b"" or value == []:
        return None
    if isinstance(value, bytes):
        return [int(byte) for byte in value]
    if isinstance(value, decimal.Decimal):
        return float(value)
    if isinstance(value, dict):
        return plain(complex(value["re"], value["im"]))
    if isinstance(value, list):
        cells = [wanted_cell(part, data_type.value_type) for part in value]
        flat = []
        for cell in cells:
            flat.extend(cell if isinstance(cell, list) else [cell])
        return flat
    if isinstance(value, datetime.datetime):
        digits = {"s": 0, "ms": 3, "us": 6}[data_type.unit]
        text = value.replace(tzinfo=None).isoformat(timespec="microseconds")
        return text[: 19 + (digits and 1 + digits)]
    if isinstance(value, datetime.date):
        return value.isoformat()
    return plain(value)


def plain(value):
    """A number that can be compared; none for what is no number."""
    if isinstance(value, complex):
        # To astropy one part that is not a number makes all of it null.
        return None if math.isnan(value.real) or math.isnan(value.imag) else value
    if isinstance(value, float) and math.isnan(value):
        return None
    return value


def found_cell(value, mask, field):
    """The same of a cell as astropy has it."""
    if field.datatype in ("char", "unicodeChar"):
        return None if str(value) == "" else str(value)
    if field.arraysize is None:
        return None if mask else plain(value.item())
    cells = np.ma.array(value).ravel() if "*" in field.arraysize else np.ma.array(value, mask=mask).ravel()
    if len(cells) == 0 or np.all(np.ma.getmaskarray(cells)) and field.arraysize[-1] != "*":
        return None
    return [None if masked else plain(part.item()) for part, masked in zip(cells.data, np.ma.getmaskarray(cells))]


def same(found, wanted):
    """Whether cells are equal; a list of nothing but nulls is null."""
    if isinstance(wanted, list) and all(part is None for part in wanted) and found is None:
        return True
    if isinstance(found, list) and isinstance(wanted, list):
        return len(found) == len(wanted) and all(same(a, b) for a, b in zip(found, wanted))
    if isinstance(found, complex) and isinstance(wanted, complex):
        return repr(found) == repr(wanted)
    if isinstance(found, float) and isinstance(wanted, float):
        return found == wanted and math.copysign(1, found) == math.copysign(1, wanted)
    return found == wanted


def check(rows, document):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        file = votable.parse(document, verify="exception")
    report = votable.validate(document, output=None)
    want("found no violations" in report, f"the validator says {report}")
    table = file.get_first_table()
    want(len(table.array) == rows.num_rows, f"{len(table.array)} rows instead of {rows.num_rows}")
    for field in table.fields:
        wanted_field = rows.schema.field(field.name)
        metadata = {key.decode(): value.decode() for key, value in (wanted_field.metadata or {}).items()}
        for attribute in ("unit", "ucd", "utype", "description"):
            found = getattr(field, attribute)
            found = None if found is None else str(found)
            want(found == metadata.get(attribute), f"{field.name}: {attribute} is {found!r}")
        column = rows.column(field.name)
        values, masks = table.array[field.ID].data, table.array.mask[field.ID]
        for row, wanted in enumerate(column.to_pylist()):
            wanted = wanted_cell(wanted, column.type)
            found = found_cell(values[row], masks[row], field)
            want(same(found, wanted), f"{field.name}, row {row}: {found!r} instead of {wanted!r}")
    print(f"ok {document}: {len(table.fields)} columns, {len(table.array)} rows")


def main(rows, *documents):
    rows = pyarrow.parquet.read_table(rows)
    for document in documents:
        try:
            check(rows, document)
        except Exception as error:
            raise Differs(f"{document}: {type(error).__name__}: {error}") from error


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    try:
        main(*sys.argv[1:])
    except Differs as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(1)
