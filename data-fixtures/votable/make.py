#!/usr/bin/env python3
"""Makes VOTables with every datatype in every serialisation, and what astropy reads from them.

  make.py [--out DIR]

DIR (by default the folder of this script) gets tabledata.vot, binary.vot and binary2.vot, each with the same table, and
types.json, which has for each document the columns as astropy reads them again: name, datatype, arraysize, the attributes
that describe it, and a list of rows. Integers are numbers; real numbers are strings, the shortest that give the same
number; complex numbers are pairs; arrays are flat lists; null is null.

Where astropy does not tell what the standard does, the script puts the standard's value: an empty element TD is null, also
for text and arrays; blanks around a text belong to it; NaN is not null. Not in the tables is what astropy writes otherwise
than the standard has it: arrays of bits, and in BINARY variable arrays of fixed ones, whose length it counts by arrays and
not by primitives.

Needs astropy 8.0.
"""
import argparse
import json
import os

import astropy
import numpy as np
from astropy.io import votable
from astropy.io.votable import tree

ROWS = 5


def integers(dtype, shape=()):
    """The extremes of a type, and numbers between."""
    info = np.iinfo(dtype)
    some = [int(info.min) + 1, int(info.max), 0, 1, int(info.max) // 3, 7, int(info.max) - 1]
    count = ROWS * int(np.prod(shape, dtype=int))
    return np.array([some[n % len(some)] for n in range(count)], dtype=dtype).reshape((ROWS, *shape))


def reals(dtype, shape=()):
    info = np.finfo(dtype)
    some = [0.0, -0.0, np.nan, np.inf, -np.inf, float(info.max), float(info.tiny), 1 / 3, -2.5]
    count = ROWS * int(np.prod(shape, dtype=int))
    return np.array([some[n % len(some)] for n in range(count)], dtype=dtype).reshape((ROWS, *shape))


def lists(dtype, lengths=(3, 0, 1, 4, 2)):
    """Arrays of several lengths."""
    values = (integers if np.dtype(dtype).kind in "iu" else reals)(dtype, (4,))
    if np.dtype(dtype).kind == "b":
        values = np.arange(ROWS * 4).reshape(ROWS, 4) % 3 == 0
    cells = np.empty(ROWS, dtype=object)
    for row, length in enumerate(lengths):
        cells[row] = np.ma.array(values[row][:length], mask=np.zeros(length, dtype=bool))
    return cells


def objects(*values):
    cells = np.empty(ROWS, dtype=object)
    cells[:] = values
    return cells


# Name, datatype, arraysize, attributes, VALUES null, values, rows that are null.
COLUMNS = [
    ("BOOLEAN", "boolean", None, {}, None, np.array([True, False, True, False, True]), [3]),
    ("BOOLEANS", "boolean", "3", {}, None, (np.arange(ROWS * 3) % 4 == 1).reshape(ROWS, 3), []),
    ("BIT", "bit", None, {}, None, np.array([True, False, True, True, False]), []),
    ("BYTE", "unsignedByte", None, {"unit": "mJy"}, None, integers("u1"), []),
    ("SHORT", "short", None, {"ucd": "meta.number"}, -32768, integers("i2"), [1, 4]),
    ("INT", "int", None, {"width": 11}, -2147483648, integers("i4"), [0]),
    ("LONG", "long", None, {"ucd": "meta.id;meta.main"}, -9223372036854775808, integers("i8"), [2]),
    ("FLOAT", "float", None, {"unit": "mag"}, None, reals("f4"), [1]),
    ("DOUBLE", "double", None, {"unit": "deg", "ucd": "pos.eq.ra;meta.main", "width": 12, "precision": "6"},
     None, np.array([84.291188, -0.0, 1 / 3, 1e-300, 359.99999999999994]), [4]),
    ("SPECIAL", "double", None, {}, None, reals("f8"), []),
    ("COMPLEX", "floatComplex", None, {}, None, reals("f4", (2,)).view("c8").reshape(ROWS), []),
    ("DCOMPLEX", "doubleComplex", None, {}, None, reals("f8", (2,)).view("c16").reshape(ROWS), []),
    ("CHAR", "char", "1", {}, None, np.array(["a", "b", "&", "<", "z"]), []),
    ("CHARS", "char", "8", {}, None, np.array(["pi Men", "8letters", "a <b> &", "x", "\"'"]), []),
    ("TEXT", "char", "*", {}, None, objects("one", "", "three & <four>", " blanks ", "two\nlines"), [1]),
    ("BOUNDED", "char", "12*", {}, None, np.array(["short", "twelve chars", "", "x", "y"]), []),
    ("UNICODE", "unicodeChar", "*", {}, None, objects("é", "Ζ Ret", "漢字", "", "µas"), []),
    ("UNICODES", "unicodeChar", "5", {}, None, np.array(["abcde", "éé", "Ζ", "x", "漢字"]), []),
    ("TIME", "char", "*", {"xtype": "timestamp"}, None,
     objects("2018-07-25T19:00:27.5", "2016-01-01", "", "1991-04-02T13:30:00Z", "2000-01-01T12:00:00"), [2]),
    ("POINT", "double", "2", {"xtype": "point", "unit": "deg"}, None,
     np.array([[10.5, -20.25], [0, 90], [359.5, -90], [1, 2], [3, 4]], dtype="f8"), []),
    ("IMAGE", "int", "3x2", {}, None, integers("i4", (2, 3)), []),
    ("SHORTS", "short", "4", {}, -32768, integers("i2", (4,)), []),
    ("LIST", "int", "*", {}, None, lists("i4"), []),
    ("REALS", "double", "*", {"unit": "Jy"}, None, lists("f8"), []),
    ("BYTES", "unsignedByte", "6*", {}, None, lists("u1"), []),
]


def document():
    """The table, with one column for each of COLUMNS."""
    file = tree.VOTableFile(version="1.4")
    resource = tree.Resource(name="everything", type="results")
    file.resources.append(resource)
    resource.infos.append(tree.Info(name="QUERY_STATUS", value="OK"))
    resource.infos.append(tree.Info(name="made_by", value=f"astropy {astropy.__version__}"))
    table = tree.TableElement(file, name="types", ID="t1")
    table.description = "Columns of every datatype."
    resource.tables.append(table)
    for name, datatype, arraysize, attributes, null, _, _ in COLUMNS:
        field = tree.Field(file, name=name, ID=name.lower(), datatype=datatype, arraysize=arraysize, **attributes)
        if null is not None:
            field.values.null = null
        field.description = f"Column {name} & more"
        table.fields.append(field)
    table.create_arrays(ROWS)
    for name, _, _, _, _, values, nulls in COLUMNS:
        key = name.lower()
        # One after the other, past the mask, as numpy would make one array of lists of equal length.
        for row in range(ROWS):
            table.array.data[key][row] = values[row]
            if row in nulls:
                table.array.mask[key][row] = True
    table.array.mask["shorts"][1][2] = True
    return file


def real(value):
    return repr(value.item()) if value.dtype.kind == "f" and value.dtype.itemsize == 8 else str(value)


def element(value, datatype):
    """A number or boolean as JSON has it."""
    value = np.asarray(value)[()]
    if datatype in ("float", "double"):
        return real(value)
    if datatype in ("floatComplex", "doubleComplex"):
        return [real(value.real), real(value.imag)]
    return bool(value) if datatype in ("boolean", "bit") else int(value)


def cells(field, column, values, masks, form):
    """The rows of a column."""
    _, datatype, arraysize, _, null, written, nulls = column
    rows = []
    for row, (value, mask) in enumerate(zip(values, masks)):
        if datatype in ("char", "unicodeChar"):
            # From a cell of TABLEDATA astropy takes the blanks around a text, which are a part of it.
            text = str(written[row]) if form == "tabledata" else str(value)
            assert text.strip() == str(value).strip(), (field.name, text, value)
            empty = (form == "tabledata" and text == "") or (form == "binary2" and row in nulls)
            rows.append(None if empty else text)
        elif arraysize is None:
            # BINARY cannot tell null from NaN. Booleans and integers have a null of their own.
            without = datatype in ("float", "double") and form == "binary"
            rows.append(None if row in nulls and not without else element(value, datatype))
            assert rows[-1] is not None or mask, (field.name, row)
        else:
            flat = np.ma.array(value, mask=None if "*" in arraysize else mask).ravel()
            if form == "tabledata" and len(flat) == 0:
                rows.append(None)
                continue
            masked = np.ma.getmaskarray(flat) & (null is not None)
            rows.append([None if m else element(v, datatype) for v, m in zip(flat.data, masked)])
    return rows


def main(out):
    made = {"astropy": astropy.__version__, "numpy": np.__version__, "documents": {}}
    for form in ("tabledata", "binary", "binary2"):
        name = f"{form}.vot"
        document().to_xml(os.path.join(out, name), tabledata_format=form)
        table = votable.parse(os.path.join(out, name)).get_first_table()
        columns = []
        for field, column in zip(table.fields, COLUMNS):
            values, masks = table.array[field.ID].data, table.array.mask[field.ID]
            keys = ("datatype", "arraysize", "unit", "ucd", "xtype")
            facts = {key: str(value) for key in keys if (value := getattr(field, key)) is not None}
            columns.append({"name": field.name, "id": field.ID, "description": field.description.strip(), **facts,
                            "null": None if field.values.null is None else int(field.values.null),
                            "rows": cells(field, column, values, masks, form)})
        made["documents"][name] = columns
    with open(os.path.join(out, "types.json"), "w") as file:
        json.dump(made, file, indent=1, ensure_ascii=False)
        file.write("\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", default=os.path.dirname(os.path.abspath(__file__)))
    main(parser.parse_args().out)
