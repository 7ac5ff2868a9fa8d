#!/usr/bin/env python3
"""Writes data-fixtures/sky/propagate.txt: stars of the Hipparcos catalogue at J2016.0, by astropy and with 40 digits.

  sky_propagate.py hipparcos2.parquet [--out data-fixtures/sky/propagate.txt]

The input has columns hip, ra, dec, plx, pmra, pmdec (degrees, mas, mas/yr), epoch J1991.25: van Leeuwen 2007, CDS I/311.
The stars: the sixty fastest, the twenty nearest to each pole, the ten on each side of right ascension 0, sixty others.
Half of them have a made-up radial velocity. A line is

  star HIP YEARS  RA DEC PLX PMRA PMDEC RV  RA DEC PLX PMRA PMDEC RV  SEPARATION

the second six after YEARS by SP-1200's model with 40 digits, the separation in degrees between the two positions, and

  astropy HIP YEARS  RA DEC PLX PMRA PMDEC  RA DEC

without a radial velocity, the second two by astropy's apply_space_motion. With one it takes the changing travel time of
light into account, which the model leaves out.
"""
import argparse
import os

import astropy
import astropy.units as u
import mpmath
import numpy as np
import pyarrow.parquet as pq
from astropy.coordinates import Distance, SkyCoord
from astropy.time import Time
from mpmath import mp, mpf

mp.dps = 40
RAD = mp.pi / 180
MAS = RAD / 3600000
A = mpf("4.740470446")


def frame(ra, dec):
    e = (-mp.sin(ra), mp.cos(ra), mpf(0))
    n = (-mp.sin(dec) * mp.cos(ra), -mp.sin(dec) * mp.sin(ra), mp.cos(dec))
    return e, n, (mp.cos(dec) * mp.cos(ra), mp.cos(dec) * mp.sin(ra), mp.sin(dec))


def dot(a, b):
    return sum(x * y for x, y in zip(a, b))


def straight(years, ra, dec, plx, pmra, pmdec, rv):
    """A straight line in space, in units of the first distance."""
    e, n, p = frame(mpf(ra) * RAD, mpf(dec) * RAD)
    plx = mpf(plx)
    zeta = mpf(rv) * plx * MAS / A
    v = [mpf(pmra) * MAS * x + mpf(pmdec) * MAS * y + zeta * z for x, y, z in zip(e, n, p)]
    b = [z + years * w for z, w in zip(p, v)]
    distance = mp.sqrt(dot(b, b))
    ra2, dec2 = mp.atan2(b[1], b[0]), mp.atan2(b[2], mp.hypot(b[0], b[1]))
    e2, n2, p2 = frame(ra2, dec2)
    cross = [p[1] * p2[2] - p[2] * p2[1], p[2] * p2[0] - p[0] * p2[2], p[0] * p2[1] - p[1] * p2[0]]
    off = mp.atan2(mp.sqrt(dot(cross, cross)), dot(p, p2))
    plx2 = plx / distance
    return (ra2 / RAD % 360, dec2 / RAD, plx2, dot(v, e2) / distance / MAS, dot(v, n2) / distance / MAS,
            dot(v, p2) * A / (plx * MAS), off / RAD)


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("catalogue")
    ap.add_argument("--out", default=os.path.join(here, "..", "sky", "propagate.txt"))
    a = ap.parse_args()
    table = pq.read_table(a.catalogue, columns=["hip", "ra", "dec", "plx", "pmra", "pmdec"])
    t = {name: np.array(table[name], dtype=float) for name in table.column_names}
    rng = np.random.default_rng(1991)
    positive = np.flatnonzero(t["plx"] > 0)
    speed, dec, ra = np.hypot(t["pmra"], t["pmdec"])[positive], t["dec"][positive], t["ra"][positive]
    pick = np.concatenate([np.argsort(-speed)[:60], np.argsort(dec)[:20], np.argsort(-dec)[:20], np.argsort(ra)[:10],
                           np.argsort(-ra)[:10], rng.choice(len(positive), 60, replace=False)])
    rows = positive[np.unique(pick)]
    with open(a.out, "w") as f:
        f.write(f"# data-fixtures/make/sky_propagate.py; astropy {astropy.__version__}, mpmath {mpmath.__version__}\n")
        f.write("# stars: van Leeuwen 2007, Hipparcos, the New Reduction (CDS I/311)\n")
        for k, row in enumerate(rows):
            star = [float(t[name][row]) for name in ("ra", "dec", "plx", "pmra", "pmdec")]
            rv = float(np.round(rng.normal(0, 60), 1)) if k % 2 else 0.0
            years = [24.75, -24.75, 1000.0, 24.75][k % 4]
            after = [repr(float(x)) for x in straight(years, *star, rv)]
            given = [repr(x) for x in [*star, rv]]
            f.write(f"star {int(t['hip'][row])} {years!r} {' '.join(given + after)}\n")
            place = SkyCoord(star[0] * u.deg, star[1] * u.deg, distance=Distance(parallax=star[2] * u.mas),
                             pm_ra_cosdec=star[3] * u.mas / u.yr, pm_dec=star[4] * u.mas / u.yr,
                             radial_velocity=0 * u.km / u.s, obstime=Time("J1991.25"))
            moved = place.apply_space_motion(Time("J2016.0"))
            after = [repr(float(moved.ra.deg)), repr(float(moved.dec.deg))]
            f.write(f"astropy {int(t['hip'][row])} 24.75 {' '.join(given[:5] + after)}\n")


if __name__ == "__main__":
    main()
