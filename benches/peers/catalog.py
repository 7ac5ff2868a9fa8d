#!/usr/bin/env python3
"""Matches two HATS catalogues with LSDB: the nearest within an arcsecond. catalog.py LEFT RIGHT

Prints {"seconds", "pairs"}; opening the catalogues is counted, importing LSDB is not.
"""
import json
import sys
import time

import dask
import lsdb

dask.config.set(scheduler="threads", num_workers=2)
start = time.perf_counter()
left, right = (lsdb.open_catalog(path, columns="all") for path in sys.argv[1:3])
pairs = left.crossmatch(right, radius_arcsec=1.0, n_neighbors=1, require_right_margin=False).compute()
print(json.dumps({"seconds": time.perf_counter() - start, "pairs": len(pairs)}))
