#!/usr/bin/env python3
"""Checks a light curve of ours against the one that lightkurve makes of the same target pixel file.

  lightcurve_check.py TPF LIGHTCURVE [MASK]

TPF is a target pixel file, LIGHTCURVE the FITS file made of it, MASK its aperture: `threshold` (the default) or `all`
as lightkurve understands them, or a CSV file of 0 and 1, the lowest row first. Checked are: astropy finds valid
checksums; lightkurve opens the light curve without arguments as a TessLightCurve; the APERTURE image holds the mask;
times, quality, and flux + background are those of lightkurve's sum over the mask, with its default quality mask and
with none. Prints a line that begins with "ok" and exits with 0, or says what differs and exits with 1.

Needs lightkurve 2.6.
"""
import os
import sys
import warnings

warnings.simplefilter("ignore")

import lightkurve  # noqa: E402
import numpy as np  # noqa: E402
from astropy.io import fits  # noqa: E402


class Differs(Exception):
    """Two things that should be equal are not."""


def want(truth, message):
    if not truth:
        raise Differs(message)


def check_checksums(path):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with fits.open(path, checksum=True) as hdus:
            hdus.verify("exception")
            for hdu in hdus:
                want("CHECKSUM" in hdu.header and "DATASUM" in hdu.header, f"{hdu.name} has no checksum")
                hdu.data
    want(not caught, f"astropy warns: {[str(warning.message) for warning in caught]}")


def mask_of(tpf, name):
    if name == "threshold":
        return np.asarray(tpf.create_threshold_mask(), bool)
    if name == "all":
        return np.ones(tpf.shape[1:], bool)
    return np.loadtxt(name, delimiter=",", ndmin=2).astype(bool)


def check_fluxes(tpf, curve, mask):
    """Compares cadence by cadence and returns the largest difference relative to the pixels."""
    # lightkurve gives cadences without a time the time 0 in a target pixel file and drops them from a light curve.
    timed = np.isfinite(tpf.hdu[1].data["TIME"][tpf.quality_mask])
    theirs = tpf.to_lightcurve(aperture_mask=mask)[timed]
    want(len(curve) == len(theirs), f"{len(curve)} cadences, lightkurve has {len(theirs)}")
    want(np.array_equal(curve.time.value, theirs.time.value), "the times differ from lightkurve's")
    want(np.array_equal(curve["quality"], theirs["quality"]), "the quality flags differ from lightkurve's")
    pixels = np.asarray(tpf.flux.value)[timed][:, mask].astype(float)
    # Both sums are in single precision, so their errors are relative to the pixels and not to the sum.
    scale = np.nansum(np.abs(pixels), axis=1)
    worst = 0.0
    ours = np.asarray(curve.flux.value, float) + np.asarray(curve["sap_bkg"].value, float)
    errors = np.asarray(theirs.flux_err.value, float)
    for name, found, wanted, unit in [
        ("flux", ours, np.asarray(theirs.flux.value, float), scale),
        ("flux_err", np.asarray(curve.flux_err.value, float), errors, errors),
    ]:
        want(np.array_equal(np.isnan(found), np.isnan(wanted)), f"{name} is NaN in other cadences than lightkurve's")
        finite = np.isfinite(wanted)
        want(np.array_equal(found[~finite & ~np.isnan(wanted)], wanted[~finite & ~np.isnan(wanted)]), f"{name}: inf")
        difference = np.abs(found[finite] - wanted[finite]) / np.maximum(unit[finite], 1e-30)
        largest = float(difference.max(initial=0.0))
        want(largest <= 1e-6, f"{name} differs from lightkurve's by {largest:.2e} of the pixels, expected 1e-6")
        worst = max(worst, largest)
    return worst


def main(path, light_curve, mask_name="threshold"):
    check_checksums(light_curve)
    tpf = lightkurve.read(path)
    mask = mask_of(tpf, mask_name)
    want(mask.shape == tpf.shape[1:], f"the mask is {mask.shape}, the frames are {tpf.shape[1:]}")
    with fits.open(light_curve) as hdus:
        found = (hdus["APERTURE"].data & 2) > 0
        want(np.array_equal(found, mask), f"APERTURE marks {found.sum()} pixels, the mask {mask.sum()}, or others")
    curve = lightkurve.read(light_curve)
    kind = type(curve).__name__
    want(kind == "TessLightCurve", f"lightkurve opens it as {kind}, expected TessLightCurve")
    want(curve.meta.get("SECTOR") == tpf.sector, f"SECTOR is {curve.meta.get('SECTOR')}, expected {tpf.sector}")
    worst = check_fluxes(tpf, curve, mask)
    every = lightkurve.read(light_curve, quality_bitmask="none")
    worst = max(worst, check_fluxes(lightkurve.read(path, quality_bitmask="none"), every, mask))
    print(f"ok {os.path.basename(light_curve)}: {len(curve)} of {len(every)} cadences, {mask.sum()} pixels, {worst:.1e}")


if __name__ == "__main__":
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    try:
        main(*sys.argv[1:])
    except (Differs, lightkurve.LightkurveError, OSError, ValueError, KeyError) as error:
        print(f"error: {sys.argv[2]}: {error}", file=sys.stderr)
        sys.exit(1)
