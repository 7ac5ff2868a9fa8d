"""Which alerts of a sample the filters of crates/alert/filters keep, by the filters in Python.

usage: alert_filters.py FOLDER_OF_PARQUET OUT_FOLDER

Writes fink_sample.parquet (the real alerts without images and without fields that no filter needs, and others made of
them by drawing what filters look at anew, so that each filter keeps some) and filters.json.

FOLDER has alerts of Fink as parquet: fink_filters_regular_57.parquet and fink_filters_regular_67.parquet, from the
repository astrolabsoftware/fink-filters, datatest/regular.
pip install fink-filters==7.45 fink-utils==0.79.0 --no-deps; numpy 2.4.6, pandas 3.1.1, pyarrow 26.0.1, astropy 8.0.2,
scipy. What these import for Spark, for messengers and for the network is replaced by nothing: no filter kept here
needs it but the search of SDSS, which then finds no star.
"""

import json
import sys
from pathlib import Path
from unittest.mock import MagicMock

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from astropy import units as u
from astropy.coordinates import SkyCoord


def plain(function=None, *_, **__):
    return function if callable(function) else (lambda f: f)


class Spark(MagicMock):
    pandas_udf = staticmethod(lambda *_, **__: plain)


functions = Spark()
for name in ["pyspark", "pyspark.sql", "pyspark.sql.types", "requests", "requests.exceptions", "slack_sdk", "h5py",
             "astroquery", "fink_filters.tester", "fink_utils.tg_bot", "fink_utils.tg_bot.utils", "matplotlib",
             "matplotlib.pyplot"]:
    sys.modules[name] = MagicMock()
sys.modules["pyspark.sql.functions"] = functions
sdss = MagicMock()
sdss.SDSS.query_region = lambda *_, **__: None
sys.modules["astroquery.sdss"] = sdss
for error in ["ReadTimeout", "HTTPError", "ConnectionError"]:
    setattr(sys.modules["requests"].exceptions, error, type(error, (Exception,), {}))

import fink_filters.ztf.classification as fink  # noqa: E402
from fink_filters.ztf.filter_quality_cuts.filter import ztf_quality_cuts_  # noqa: E402
from fink_filters.ztf.livestream.filter_blazar.filter import blazar  # noqa: E402
from fink_filters.ztf.livestream.filter_rate_based_kn_candidates.filter import (  # noqa: E402
    rate_based_kn_candidates_,
)
from fink_filters.ztf.livestream.filter_tns_match.filter import tns_match_  # noqa: E402
from fink_filters.ztf.livestream.filter_yso_candidates.filter import yso_candidates  # noqa: E402
from fink_filters.ztf.livestream.filter_yso_spicy_candidates.filter import r2_score  # noqa: E402

FIELDS = ("jd fid candid isdiffpos ra dec magpsf sigmapsf distnr magnr sigmagnr magdiff fwhm classtar elong nbad rb "
          "ssdistnr ssnamenr distpsnr1 sgscore1 ndethist jdstarthist drb neargaiabright").split()
ROOT = ("objectId candid rf_snia_vs_nonia snn_snia_vs_nonia snn_sn_vs_all roid rf_kn_vs_nonkn tracklet mulens cdsxmatch "
        "tns spicy_class").split()
paths = sorted(Path(sys.argv[1]).glob("fink_filters_regular_*.parquet"))
real_alerts = pd.concat([pd.read_parquet(path, columns=ROOT + ["candidate", "prv_candidates"]) for path in paths])
only = lambda x: {k: x[k] for k in FIELDS if k in x}
real_alerts = real_alerts.reset_index(drop=True)
real_alerts["candidate"] = [only(x) for x in real_alerts.candidate]
real_alerts["prv_candidates"] = [None if p is None else [only(x) for x in p] for p in real_alerts.prv_candidates]

rng = np.random.default_rng(20211103)
made = []
for number in range(876):
    row = real_alerts.iloc[int(rng.integers(len(real_alerts)))].to_dict()
    row["candid"] = 10_000_000 + number
    now = dict(row["candidate"], candid=row["candid"])
    scale, trend = float(rng.choice([0.01, 0.1, 1.0])), float(rng.choice([0.0, 0.0, 1.0]))
    row["prv_candidates"] = None if row["prv_candidates"] is None or rng.random() < 0.05 else [
        dict(x, jd=now["jd"] - scale * (now["jd"] - x["jd"]),
             magpsf=None if pd.isna(x["magpsf"]) else x["magpsf"] - trend * scale * (now["jd"] - x["jd"]))
        for x in row["prv_candidates"]]
    now.update(
        jdstarthist=now["jd"] - float(rng.choice([0.1, 2.0, 3.0, 40.0, 200.0])), ndethist=int(rng.choice([1, 5, 15, 60])),
        drb=float(np.float32(rng.choice([0.6, 0.95, 0.99]))), classtar=float(np.float32(rng.choice([0.3, 0.7, 0.9]))),
        ssdistnr=[None, -999.0, 1.0, 20.0][int(rng.integers(4))], isdiffpos=str(rng.choice(["t", "t", "f"])),
        distnr=float(np.float32(rng.lognormal(0, 1))), nbad=int(rng.choice([0, 0, 1])), magdiff=[None, 0.05, 0.5][int(rng.integers(3))],
        magpsf=float(np.float32(now["magpsf"] + rng.normal(0, 0.7))), ra=float(rng.uniform(0, 360)), dec=float(rng.uniform(-30, 85)))
    row["candidate"] = now
    row.update(
        rf_snia_vs_nonia=float(rng.uniform()), snn_snia_vs_nonia=float(rng.uniform()), snn_sn_vs_all=float(rng.uniform()),
        rf_kn_vs_nonkn=float(rng.uniform(0.3, 1)), roid=int(rng.choice([0, 0, 0, 1, 2, 3])), mulens=[0.0, 0.0, 0.6, np.nan][int(rng.integers(4))],
        tracklet=str(rng.choice(["", "", "TRCK_20211103_01"])), tns=str(rng.choice(["", "SN Ia"])),
        spicy_class=str(rng.choice(["Unknown", "ClassII"])),
        cdsxmatch=str(rng.choice(["Unknown", "Unknown", "Fail", "Galaxy", "SN", "BLLac", "Blazar_Candidate", "YSO_Candidate", row["cdsxmatch"]])))
    made.append(row)
pdf = pd.concat([real_alerts, pd.DataFrame(made)]).reset_index(drop=True)
whole = pq.read_schema(paths[0])
narrow = lambda t: pa.struct([field for field in t if field.name in FIELDS])
schema = pa.schema([whole.field(name) for name in ROOT] + [
    pa.field("candidate", narrow(whole.field("candidate").type)),
    pa.field("prv_candidates", pa.list_(pa.field("element", narrow(whole.field("prv_candidates").type.value_type))))])
table = pa.Table.from_pylist(pdf[schema.names].replace({np.nan: None}).to_dict("records"), schema=schema)
out = Path(sys.argv[2])
pq.write_table(table, out / "fink_sample.parquet", compression="zstd", compression_level=19, row_group_size=400)
# As anybody reads it.
pdf = pd.read_parquet(out / "fink_sample.parquet")
c = pd.json_normalize(list(pdf["candidate"]))
earlier = [[] if p is None else list(p) for p in pdf["prv_candidates"]]
history = [list(p) + [now] for p, now in zip(earlier, pdf["candidate"])]


def each(lists, name, of=float):
    def value(x):
        x = x.get(name)
        return np.nan if x is None and of is float else (x if of is None else of(x))
    return [np.array([value(x) for x in one], dtype=object if of is None else float) for one in lists]


jds, fids, mags = each(history, "jd"), each(history, "fid"), each(history, "magpsf")
positive = [np.array([x in ("t", "1") for x in one], dtype=bool) for one in each(history, "isdiffpos", None)]
earlier_jds = each(earlier, "jd")
earlier_positive = [np.array([x in ("t", "1") for x in one], dtype=bool) for one in each(earlier, "isdiffpos", None)]
column = lambda name: c[name].astype(float)
gal_b = pd.Series(SkyCoord(column("ra"), column("dec"), unit="deg").galactic.b.deg)


def series(values):
    return pd.Series(values)


def slope(x, y):
    good = ~np.isnan(y)
    if good.sum() < 2 or np.ptp(x[good]) == 0:
        return np.nan
    return np.polyfit(x[good] - x[good].mean(), y[good], 1)[0]


def red(i):
    keep = fids[i] == 2
    return jds[i][keep], mags[i][keep]


slopes = series([slope(*red(i)) for i in range(len(pdf))])
r2 = series([r2_score(j, m, f) for j, m, f in zip(jds, mags, fids)])


def rate(i, band):
    good = (fids[i] == band) & ~np.isnan(mags[i])
    order = np.argsort(jds[i][good], kind="stable")
    j, m = jds[i][good][order], mags[i][good][order]
    return (m[-1] - m[-2]) / (j[-1] - j[-2]) if len(j) > 1 and j[-1] > j[-2] else np.nan


rates = {band: series([rate(i, band) for i in range(len(pdf))]) for band in (1, 2)}
seen = series([int((~np.isnan(m)).sum()) for m in mags])
first_seen = series([np.min(j[~np.isnan(m)]) for j, m in zip(jds, mags)])


def transient(i):
    """The filter of ZTF's notebook "Filtering_alerts"."""
    x = c.iloc[i]
    lone = pd.isna(x.distpsnr1) or x.distpsnr1 > 1.5 or x.sgscore1 < 0.5
    now_first_jd = np.concatenate([[x.jd], earlier_jds[i]])
    detected = np.concatenate([[x.isdiffpos in ("t", "1")], earlier_positive[i]])
    slow = False
    if detected.sum() >= 2:
        slow = np.max(np.diff(now_first_jd[detected])) >= (30 * u.minute).to(u.day).value
    no_asteroid = pd.isna(x.ssdistnr) or x.ssdistnr < 0 or x.ssdistnr > 5
    return bool(x.isdiffpos in ("t", "1") and lone and slow and no_asteroid)


science = [pdf["cdsxmatch"], pdf["snn_snia_vs_nonia"], pdf["snn_sn_vs_all"]]
real = [c["drb"], c["classtar"]]
object_lists = {name: pd.Series(each(history, name)) for name in ["jd", "fid", "magpsf", "sigmapsf", "magnr", "sigmagnr"]}
keep = {
    "ztf.pure_sample": (c.rb >= 0.65) & (c.nbad == 0) & (c.fwhm <= 5) & (c.elong <= 1.2) & (c.magdiff.abs() <= 0.1),
    "ztf.notebook_transient": series([transient(i) for i in range(len(pdf))]),
    "fink.sn_candidates": fink.sn_candidates_(*science, *real, c.jd, c.jdstarthist, pdf.roid, c.ndethist),
    "fink.early_sn_candidates": fink.early_sn_candidates_(*science, pdf.rf_snia_vs_nonia, c.ndethist, *real),
    "fink.kn_candidates": fink.kn_candidates_(
        pdf.rf_kn_vs_nonkn, *real, c.jd, c.jdstarthist, c.ndethist, pdf.cdsxmatch, pdf.roid),
    "fink.rate_based_kn_candidates": rate_based_kn_candidates_(
        pdf.objectId, *real, c.jdstarthist, c.ndethist, pdf.cdsxmatch, c.ra, c.dec, c.ssdistnr,
        *[object_lists[name] for name in ["jd", "fid", "magpsf", "sigmapsf", "magnr", "sigmagnr"]],
        pd.Series(each(history, "isdiffpos", None))),
    "fink.microlensing_candidates": fink.microlensing_candidates_(pdf.mulens),
    "fink.sso_ztf_candidates": fink.sso_ztf_candidates_(pdf.roid),
    "fink.sso_fink_candidates": fink.sso_fink_candidates_(pdf.roid),
    "fink.tracklet_candidates": fink.tracklet_candidates_(pdf.tracklet),
    "fink.simbad_candidates": fink.simbad_candidates_(pdf.cdsxmatch),
    "fink.blazar": blazar(pdf.cdsxmatch),
    "fink.yso_candidates": yso_candidates(pdf.cdsxmatch),
    "fink.tns_match": tns_match_(pdf.tns, c.jd, c.jdstarthist) & pdf.tns.notna(),
    "fink.quality_cuts": ztf_quality_cuts_(c.rb, c.nbad),
    "fink.yso_spicy_candidates": ~pdf.spicy_class.isin(["Unknown", None, np.nan]) & (slopes.abs() > 0.025) & (r2 > 0.6),
    "regression.steady_trend": (slopes.abs() > 0.005) & (r2 > 0.3),
    "boom.fast_transient": (c.drb > 0.3) & c.isdiffpos.isin(["t", "1"]) & (c.jd - first_seen < 14) & (seen >= 2)
    & ((rates[1].abs() > 0.3) | (rates[2].abs() > 0.3)),
    "ampel.decent": series([int((~np.isnan(m) & p).sum()) >= 2 for m, p in zip(mags, positive)])
    & (c.jd - first_seen).between(0, 60) & (c.rb >= 0.3) & (c.fwhm <= 5.5) & (c.elong <= 1.4)
    & (c.magdiff.abs() <= 1) & (c.nbad <= 2) & c.isdiffpos.isin(["t", "1"])
    & ~((c.distpsnr1 < 1) & (c.sgscore1 > 0.76)) & ~c.neargaiabright.between(0, 20)
    & (c.ssdistnr.isna() | (c.ssdistnr < 0) | (c.ssdistnr > 2)) & (gal_b.abs() > 14),
    "announcement.1": (c.magpsf.astype(float) > 19.5) & (c.distnr.astype(float) > 2),
    "announcement.2": (column("magnr") - column("magpsf")) < -4 * (np.log10(column("distnr").where(column("distnr") > 0)) + 0.2),
    "announcement.3": (pdf.rf_snia_vs_nonia > 0.5) & (pdf.snn_snia_vs_nonia > 0.5),
}
ids = {name: sorted(int(x) for x in pdf.candid[mask.to_numpy(dtype=bool)]) for name, mask in keep.items()}
classes = fink.extract_fink_classification_from_pdf(pdf)
answer = {"alerts": len(pdf), "kept": ids, "classes": dict(sorted((str(k), str(v)) for k, v in zip(pdf.candid, classes)))}
(out / "filters.json").write_text(json.dumps(answer, indent=1) + "\n")
for name, found in ids.items():
    print(f"{name}: {len(found)}")
