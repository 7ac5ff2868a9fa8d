#!/usr/bin/env python3
"""Writes crates/sky/tests/astropy.txt: what astropy says of distances, position angles and moving targets.

  sky_astropy.py [--out crates/sky/tests/astropy.txt]

Degrees and days throughout; numbers round-trip; equal bytes on every run with the same versions.

  pair RA DEC RA DEC SEPARATION POSITION_ANGLE      angular_separation, position_angle
  track NAME      then
  node TIME RA DEC      what a track is made of
  truth TIME RA DEC     where the target is between the nodes

"asteroid" is a main-belt orbit seen from the Earth (builtin ephemeris), through RA 0; "pole" flies by in nearly a
straight line and passes 0.01 degrees from the north celestial pole. Times are days of BTJD.
"""
import argparse
import os

import astropy
import astropy.units as u
import numpy as np
from astropy.coordinates import CartesianRepresentation, SphericalRepresentation, get_body_barycentric
from astropy.coordinates import angular_separation, position_angle
from astropy.time import Time

BTJD0 = 2457000.0


def pairs():
    special = [
        (0, 0, 0, 0), (10, 20, 10, 20), (0, 90, 123, 90), (0, -90, 200, 90), (45, 90, 80, 10), (45, -90, 80, 10),
        (80, 10, 45, 90), (10, 20, 190, -20), (10, 20, 190, -19.999999), (10, 20, 190.0000001, -20), (0, 0, 180, 0),
        (0, 0, 90, 0), (0, 0, 270, 0), (359.9999, 5, 0.0001, 5), (0.0001, -5, 359.9999, -5), (350, 60, 10, 60),
        (200, 45, 200.000000001, 45), (200, 45, 200, 45.000000001), (200, 89.999999999, 20, 89.999999999),
        (0, -89.9999, 180, -89.9999), (84.2912, -80.4691, 84.3, -80.47), (311.69317, -43.13247, 131.7, 43.1),
    ]
    rng = np.random.default_rng(1975)
    everywhere = np.column_stack([rng.uniform(0, 360, (40, 2)), np.degrees(np.arcsin(rng.uniform(-1, 1, (40, 2))))])
    return np.array([*map(np.array, special), *everywhere[:, [0, 2, 1, 3]]], dtype=float)


def spherical(xyz):
    s = CartesianRepresentation(xyz.T).represent_as(SphericalRepresentation)
    return np.column_stack([s.lon.deg, s.lat.deg])


def asteroid(time):
    """A Kepler orbit of 2.4 au and eccentricity 0.15, soon after opposition."""
    a, e, inclination, node, perihelion, mean0 = 2.4, 0.15, np.radians(31.0), np.radians(14.0), np.radians(70.0), 4.87
    mean = mean0 + 2 * np.pi * (time - 1356.0) / (365.25 * a**1.5)
    E = mean.copy()
    for _ in range(60):
        E -= (E - e * np.sin(E) - mean) / (1 - e * np.cos(E))
    x, y = a * (np.cos(E) - e), a * np.sqrt(1 - e * e) * np.sin(E)
    lon = perihelion
    px, py = x * np.cos(lon) - y * np.sin(lon), x * np.sin(lon) + y * np.cos(lon)
    z, py = py * np.sin(inclination), py * np.cos(inclination)
    px, py = px * np.cos(node) - py * np.sin(node), px * np.sin(node) + py * np.cos(node)
    moment = Time(BTJD0, time, format="jd", scale="tdb")
    earth, sun = (get_body_barycentric(b, moment, ephemeris="builtin").xyz.to_value(u.au).T for b in ("earth", "sun"))
    return spherical(np.column_stack([px, py, z]) + sun - earth)


def over_the_pole(time):
    t = time - 1356.1
    side = np.full_like(t, np.radians(0.01))
    return spherical(np.column_stack([0.05 * t + 0.003 * np.sin(0.7 * t), side, np.ones_like(t)]))


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--out", default=os.path.join(here, "..", "..", "crates", "sky", "tests", "astropy.txt"))
    a = ap.parse_args()
    with open(a.out, "w") as f:
        def line(kind, *values):
            f.write(f"{kind} " + " ".join(repr(float(v)) for v in values) + "\n")

        f.write(f"# data-fixtures/make/sky_astropy.py; astropy {astropy.__version__}, numpy {np.__version__}\n")
        p = pairs()
        r = np.radians(p).T
        separation, angle = angular_separation(*r), position_angle(*r).to_value(u.deg) % 360
        for row, s, b in zip(p, np.degrees(separation), angle):
            line("pair", *row, s, b)
        for name, path, step in (("asteroid", asteroid, 0.5), ("pole", over_the_pole, 0.25)):
            nodes = np.arange(1343.0, 1369.0 + step / 2, step) if name == "asteroid" else np.arange(1354.0, 1358.1, step)
            dense = np.sort(np.random.default_rng(7).uniform(nodes[0], nodes[-1], 300))
            f.write(f"track {name}\n")
            for kind, times in (("node", nodes), ("truth", dense)):
                for t, (ra, dec) in zip(times, path(times)):
                    line(kind, t, ra, dec)


if __name__ == "__main__":
    main()
