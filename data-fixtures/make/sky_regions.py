#!/usr/bin/env python3
"""Writes data-fixtures/sky/regions.txt: regions, positions, and whether each is inside, with 40 digits.

  sky_regions.py [--out data-fixtures/sky/regions.txt] [--regions 400] [--positions 8]

Degrees throughout; numbers round-trip; equal bytes on every run with the same versions. A line is a region

  cone RA DEC RADIUS            ellipse RA DEC A B PA            box RA DEC WIDTH HEIGHT
  zone WEST EAST SOUTH NORTH    polygon N RA DEC ... [N RA DEC ...]

or a position in the region last named:  at RA DEC 0|1

Every kind is decided by another formula than in the code under test: ellipses by the distances to their foci, boxes
on the tangential plane, polygons by the azimuths of their vertices as seen from the position. Positions closer to a
boundary than 1e-27 of its size are left out, but for vertices.
"""
import argparse
import os
import random

import mpmath
from mpmath import mp, mpf

mp.dps = 40
RAD = mp.pi / 180


def vector(ra, dec):
    a, d = mpf(ra) * RAD, mpf(dec) * RAD
    return (mp.cos(d) * mp.cos(a), mp.cos(d) * mp.sin(a), mp.sin(d))


def dot(a, b):
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


def cross(a, b):
    return (a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0])


def angle(a, b):
    c = cross(a, b)
    return mp.atan2(mp.sqrt(dot(c, c)), dot(a, b))


def frame(ra, dec):
    a, d = mpf(ra) * RAD, mpf(dec) * RAD
    east = (-mp.sin(a), mp.cos(a), mpf(0))
    north = (-mp.sin(d) * mp.cos(a), -mp.sin(d) * mp.sin(a), mp.cos(d))
    return east, north, vector(ra, dec)


def decided(margin, size):
    """Sign of a margin; None where 40 digits minus cancellation might not tell."""
    return None if abs(margin) <= size * mpf("1e-27") else int(margin > 0)


def in_cone(region, at):
    ra, dec, radius = region
    return decided(mpf(radius) * RAD - angle(vector(ra, dec), vector(*at)), mpf(radius) * RAD)


def in_ellipse(region, at):
    ra, dec, a, b, pa = region
    a, b, pa = mpf(a) * RAD, mpf(b) * RAD, mpf(pa) * RAD
    east, north, centre = frame(ra, dec)
    major = [n * mp.cos(pa) + e * mp.sin(pa) for e, n in zip(east, north)]
    f = mp.acos(mp.cos(a) / mp.cos(b))
    focus = [[c * mp.cos(f) + s * m * mp.sin(f) for c, m in zip(centre, major)] for s in (1, -1)]
    p = vector(*at)
    return decided(2 * a - angle(focus[0], p) - angle(focus[1], p), b * b / a)


def in_box(region, at):
    ra, dec, width, height = region
    east, north, centre = frame(ra, dec)
    p = vector(*at)
    e, n, c = dot(east, p), dot(north, p), dot(centre, p)
    if c <= 0:
        return 0
    limits = [(mp.tan(mpf(width) * RAD / 2), abs(e / c)), (mp.tan(mpf(height) * RAD / 2), abs(n / c))]
    sides = [decided(limit - off, limit + off) for limit, off in limits]
    return 0 if 0 in sides else None if None in sides else 1


def in_zone(region, at):
    west, east, south, north = region
    ra, dec = at
    if not south <= dec <= north:
        return 0
    return int(abs(dec) == 90 or (west <= ra <= east if west <= east else ra >= west or ra <= east))


def in_polygon(region, at):
    centre, rings = region
    east, north, p = frame(*at)
    turns, margin = 0, mpf(1)
    for ring in rings:
        vectors = [vector(*v) for v in ring]
        if any(tuple(at) == tuple(v) for v in ring):
            return 1
        total = mpf(0)
        for a, b in zip(vectors, vectors[1:] + vectors[:1]):
            side = abs(dot(cross(a, b), p))
            margin = min(margin, side / angle(a, b))
            swept = mp.atan2(dot(east, b), dot(north, b)) - mp.atan2(dot(east, a), dot(north, a))
            total += swept - 2 * mp.pi * mp.floor(swept / (2 * mp.pi) + mpf("0.5"))
        # Seen from the antipode of something inside the azimuths turn too; all is within 89 degrees of the centre.
        if dot(vector(*centre), p) > 0:
            turns += int(mp.nint(total / (2 * mp.pi)))
    return None if margin < mpf("1e-27") else int(turns != 0)


INSIDE = {"cone": in_cone, "ellipse": in_ellipse, "box": in_box, "zone": in_zone, "polygon": in_polygon}


def somewhere(rng):
    pick = rng.random()
    if pick < 0.12:
        return rng.uniform(0, 360), 90.0
    if pick < 0.18:
        return rng.uniform(0, 360), -90.0
    if pick < 0.3:
        return rng.uniform(0, 360), 90 - 10 ** rng.uniform(-9, 0)
    if pick < 0.42:
        return (rng.uniform(-1, 1) * 10 ** rng.uniform(-9, 0)) % 360 % 360.0, rng.uniform(-80, 80)
    return rng.uniform(0, 360), float(mp.asin(rng.uniform(-1, 1)) / RAD)


def size(rng, most):
    pick = rng.random()
    if pick < 0.25:
        return 10 ** rng.uniform(-10, -7)
    if pick < 0.35:
        return most - 10 ** rng.uniform(-9, 0)
    return most * 10 ** rng.uniform(-5, 0)


def moved(centre, distance, bearing):
    """The doubles next to where one comes from a centre, degrees."""
    east, north, c = frame(*centre)
    d, b = mpf(distance) * RAD, mpf(bearing) * RAD
    v = [mp.cos(d) * x + mp.sin(d) * (mp.cos(b) * n + mp.sin(b) * e) for e, n, x in zip(east, north, c)]
    ra, dec = mp.atan2(v[1], v[0]) / RAD, mp.atan2(v[2], mp.hypot(v[0], v[1])) / RAD
    return float(ra) % 360 % 360.0, float(dec)


def make_region(rng):
    kind = rng.choice(["cone", "cone", "ellipse", "box", "zone", "polygon", "polygon", "polygon"])
    ra, dec = somewhere(rng)
    if kind == "cone":
        return kind, (ra, dec, size(rng, 90.0) if rng.random() < 0.7 else 180.0 - size(rng, 90.0))
    if kind == "ellipse":
        a = size(rng, 90.0)
        return kind, (ra, dec, a, a * 10 ** rng.uniform(-3, 0), rng.uniform(0, 180))
    if kind == "box":
        return kind, (ra, dec, size(rng, 179.0), size(rng, 179.0))
    if kind == "zone":
        south, north = sorted([somewhere(rng)[1], somewhere(rng)[1]])
        return kind, (ra, rng.uniform(0, 360), south, north)
    # Around a place at growing bearings, nearer and farther: any shape, concave ones too; no crossings.
    radius = size(rng, 89.0)
    bearings = sorted(rng.uniform(0, 360) for _ in range(rng.randint(3, 9)))
    if max((b - a) % 360 for a, b in zip(bearings, bearings[1:] + bearings[:1])) > 150:
        bearings = [10.0, 130.0, 250.0]
    ring = [moved((ra, dec), radius * rng.uniform(0.3, 1), b) for b in bearings]
    rings = [ring]
    if rng.random() < 0.3:
        rings.append([moved((ra, dec), radius * 0.05, b) for b in (350.0, 230.0, 110.0)])
    if rng.random() < 0.5:
        rings = [ring[::-1] for ring in rings]
    return kind, ((ra, dec), rings)


def make_position(rng, kind, region):
    pick = rng.random()
    if pick < 0.15:
        return somewhere(rng)
    if kind == "zone":
        ra = rng.choice([region[0], region[1], rng.uniform(0, 360)])
        return ra, rng.choice([region[2], region[3], rng.uniform(region[2], region[3])])
    near = 10 ** rng.uniform(-16, 0) * rng.choice([-1, 1])
    if kind == "polygon":
        ring = rng.choice(region[1])
        k = rng.randrange(len(ring))
        if pick < 0.22:
            return ring[k]
        a, b = vector(*ring[k]), vector(*ring[(k + 1) % len(ring)])
        normal, part = cross(a, b), mpf(rng.random())
        if pick < 0.6:
            near *= 0.01
        v = [x * (1 - part) + y * part + mpf(near) * n for x, y, n in zip(a, b, normal)]
        if pick > 0.95:
            v = [-x for x in v]
        return float(mp.atan2(v[1], v[0]) / RAD) % 360 % 360.0, float(mp.atan2(v[2], mp.hypot(v[0], v[1])) / RAD)
    centre = region[:2]
    if pick > 0.95:
        return (centre[0] + 180) % 360, -centre[1]
    bearing = rng.choice([0, 90, 180, 270, rng.uniform(0, 360)])
    if kind == "cone":
        return moved(centre, region[2] * (1 + near), bearing)
    if kind == "ellipse":
        t = mpf(rng.uniform(0, 360)) * RAD
        a, b = mpf(region[2]) * RAD, mpf(region[3]) * RAD
        x, y = mp.sin(a) * mp.cos(t), mp.sin(b) * mp.sin(t)
        far = mp.asin(min(mp.hypot(x, y), 1)) / RAD
        return moved(centre, far * (1 + near), region[4] + mp.atan2(y, x) / RAD)
    x, y = rng.choice([(1, rng.uniform(-1, 1)), (rng.uniform(-1, 1), 1), (-1, 0), (0, -1)])
    x, y = x * mp.tan(mpf(region[2]) * RAD / 2), y * mp.tan(mpf(region[3]) * RAD / 2)
    return moved(centre, mp.atan(mp.hypot(x, y) * (1 + near)) / RAD, mp.atan2(x, y) / RAD)


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--out", default=os.path.join(here, "..", "sky", "regions.txt"))
    ap.add_argument("--regions", type=int, default=400)
    ap.add_argument("--positions", type=int, default=8)
    ap.add_argument("--seed", type=int, default=40)
    a = ap.parse_args()
    rng = random.Random(a.seed)
    with open(a.out, "w") as f:
        f.write(f"# data-fixtures/make/sky_regions.py; mpmath {mpmath.__version__}, {mp.dps} digits\n")
        for _ in range(a.regions):
            kind, region = make_region(rng)
            if kind == "polygon":
                words = [w for ring in region[1] for w in [str(len(ring)), *(repr(float(x)) for v in ring for x in v)]]
            else:
                words = [repr(float(x)) for x in region]
            f.write(f"{kind} {' '.join(words)}\n")
            for _ in range(a.positions):
                at = make_position(rng, kind, region)
                inside = INSIDE[kind](region, at)
                if inside is not None:
                    f.write(f"at {at[0]!r} {at[1]!r} {inside}\n")


if __name__ == "__main__":
    main()
