#!/usr/bin/env python3
"""Answers queries of `adql/archive.adql` that ask for regions and distances, with astropy and numpy.

  adql_answers.py FOLDER_WITH_GAIA_AND_HIPPARCOS > adql/answers.csv

A line is the name of a query, its rows, and the sum of the numbers in its first column, modulo 1,000,000,007. Distances are
astropy's; polygons are convex, a place is inside if it is on one side of all planes of their edges.
"""
import sys

import astropy
import astropy.units as u
import numpy as np
import pyarrow.parquet as pq
from astropy.coordinates import SkyCoord

MODULUS = 1_000_000_007


def table(path):
    rows = pq.read_table(path)
    columns = {name: rows[name].to_numpy(zero_copy_only=False) for name in rows.schema.names}
    columns["at"] = SkyCoord(columns["ra"], columns["dec"], unit="deg")
    return columns


def main(folder):
    gaia, hip = table(f"{folder}/gaia.parquet"), table(f"{folder}/hipparcos.parquet")
    answers = {}

    def say(name, numbers):
        numbers = [int(n) for n in numbers]
        answers[name] = (len(numbers), sum(numbers) % MODULUS)

    def away(of, ra, dec):
        return of["at"].separation(SkyCoord(ra, dec, unit="deg")).deg

    def stars(inside):
        return gaia["source_id"][inside]

    def inside_polygon(of, corners):
        place = np.array(of["at"].cartesian.xyz).T
        corner = np.array(SkyCoord(*np.array(corners).T, unit="deg").cartesian.xyz).T
        normals = [np.cross(a, b) for a, b in zip(corner, np.roll(corner, -1, axis=0))]
        # The middle is inside; the other side of the sphere is not.
        middle = corner.sum(axis=0)
        return np.all([(place @ n) * np.sign(middle @ n) >= 0 for n in normals], axis=0)

    mag = gaia["phot_g_mean_mag"]
    pleiades, praesepe = away(gaia, 56.75, 24.12), away(gaia, 130.1, 19.67)
    say("cone", stars(pleiades <= 1.5))
    say("cone-mirrored", stars((away(gaia, 83.8, -5.4) <= 1) & (mag < 9)))
    say("outside", [np.sum(away(gaia, 0, 90) > 150)])
    say("distance-points", stars(pleiades < 1))
    say("distance-numbers", stars(away(gaia, 201.3, -43.0) <= 0.75))
    west = (gaia["ra"] + 180) % 360 - 180
    say("box", stars((np.abs(west) <= 2) & (np.abs(gaia["dec"]) <= 1)))
    say("polygon", stars(inside_polygon(gaia, [(280, 38), (285, 33), (281, 31), (277, 34.5)])))
    say("polygon-over-the-pole", [np.sum(inside_polygon(gaia, [(0, 84), (90, 84), (180, 84), (270, 84)]))])
    say("two-cones", stars(((pleiades <= 1) | (praesepe <= 1)) & (mag >= 5) & (mag <= 8.5)))
    say("ring", stars((praesepe <= 2) & (praesepe > 1)))
    say("region-stc", [np.sum(pleiades <= 1.5)])

    def pairs(left, right, radius_deg, inclusive=True):
        a, b, apart, _ = right.search_around_sky(left, radius_deg * 1.001 * u.deg)
        keep = apart.deg <= radius_deg if inclusive else apart.deg < radius_deg
        return a[keep], b[keep]

    h, _ = pairs(hip["at"], gaia["at"], 0.0005555555555555556)
    say("positional-join", hip["hip"][h][hip["hpmag"][h] < 6])
    h, _ = pairs(hip["at"], gaia["at"], 1.0 / 3600, False)
    say("positional-join-distance", hip["hip"][h][hip["b_v"][h] > 1.5])
    h, _ = pairs(hip["at"], gaia["at"], 0.0003, False)
    lonely = np.setdiff1d(np.arange(len(hip["hip"])), h)
    h = np.concatenate([h, lonely])
    say("positional-left-join", hip["hip"][h][hip["hpmag"][h] < 3.0])
    fast = (hip["pmra"] ** 2 + hip["pmdec"] ** 2 > 1_000_000) & (np.abs(hip["dec"]) < 85)
    moved = SkyCoord(
        hip["ra"][fast] + hip["pmra"][fast] * 24.75 / 3600000 / np.cos(np.radians(hip["dec"][fast])),
        hip["dec"][fast] + hip["pmdec"][fast] * 24.75 / 3600000,
        unit="deg",
    )
    h, _ = pairs(moved, gaia["at"], 0.0002, False)
    say("at-the-epoch", hip["hip"][fast][h])
    near = pleiades <= 3
    a, b = pairs(gaia["at"][near], gaia["at"], 0.02)
    others = gaia["source_id"][near][a] != gaia["source_id"][b]
    say("apparent-companions", np.unique(gaia["source_id"][near][a][others]))
    h, _ = pairs(hip["at"], gaia["at"], 0.01, False)
    say("nearest-of-each", np.unique(hip["hip"][h][hip["plx"][h] > 60]))

    print(f"# astropy {astropy.__version__}, numpy {np.__version__}")
    print("name,rows,sum")
    for name, (rows, total) in answers.items():
        print(f"{name},{rows},{total}")


if __name__ == "__main__":
    main(*sys.argv[1:])
