#!/usr/bin/env python3
"""Checks a target pixel file against the frames it was cut from, with astropy and lightkurve.

  tpf_check.py TPF FRAME...

FRAME are SPOC frames in order of time. Checked are: astropy opens the file without a warning and finds every checksum
right; lightkurve.read() opens it as a TessTargetPixelFile whose column, row, times, quality, coordinates and light
curve are right; flux and error are the pixels of the frames, bit for bit, and NaN off them; WCS_MSEP and WCS_SIG are
what astropy makes of the stamp's coordinates and of the frame's own TAN-SIP. Prints a line that begins with "ok" and
exits with 0, or says what differs and exits with 1.

Needs astropy 8.0 and lightkurve 2.6.
"""
import os
import sys
import warnings

warnings.simplefilter("ignore")

import lightkurve  # noqa: E402
import numpy as np  # noqa: E402
from astropy.coordinates import SkyCoord  # noqa: E402
from astropy.io import fits  # noqa: E402
from astropy.wcs import WCS  # noqa: E402


class Differs(Exception):
    """Two things that should be equal are not."""


def want(truth, message):
    if not truth:
        raise Differs(message)


def bits(values):
    return np.ascontiguousarray(values, dtype=np.float32).view(np.uint32)


def expected(image, column, row, shape):
    """The stamp of an image whose first pixel has this 0-based column and row; NaN off the image."""
    stamp = np.full(shape, np.nan, dtype=np.float32)
    for y in range(shape[0]):
        for x in range(shape[1]):
            if 0 <= row + y < image.shape[0] and 0 <= column + x < image.shape[1]:
                stamp[y, x] = image[row + y, column + x]
    return stamp


def separations(stamp_wcs, frame_wcs, column, row, shape):
    """Degrees between the stamp's and the frame's coordinates at every pixel."""
    y, x = np.mgrid[: shape[0], : shape[1]]
    ours = SkyCoord(*stamp_wcs.all_pix2world(x.ravel(), y.ravel(), 0), unit="deg")
    theirs = SkyCoord(*frame_wcs.all_pix2world(x.ravel() + column, y.ravel() + row, 0), unit="deg")
    return ours.separation(theirs).deg


def close(found, wanted, name):
    want(abs(found - wanted) <= 1e-4 * abs(wanted) + 1e-12, f"{name} is {found}, astropy has {wanted}")


def main(path, frames):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        hdus = fits.open(path, checksum=True)
        hdus.verify("exception")
    for n, hdu in enumerate(hdus):
        want("CHECKSUM" in hdu.header and "DATASUM" in hdu.header, f"HDU {n} has no checksum")
    table, aperture = hdus[1].data, hdus[2]
    tpf = lightkurve.read(path, quality_bitmask="none")
    want(type(tpf).__name__ == "TessTargetPixelFile", f"lightkurve opens it as {type(tpf).__name__}")
    shape = tpf.shape[1:]
    # 1CRVnP counts from 1.
    column, row = tpf.column - 1, tpf.row - 1
    want((column, row) == (hdus[1].header["1CRV5P"] - 1, hdus[1].header["2CRV5P"] - 1), "column or row")

    names = list(table["FFI_FILE"])
    want(names == [os.path.basename(frame) for frame in frames], f"FFI_FILE is {names}")
    used = None
    for n, frame in enumerate(frames):
        with fits.open(frame) as images:
            header = images[1].header
            for name, image in (("FLUX", images[1].data), ("FLUX_ERR", images[2].data)):
                stamp = expected(image, column, row, shape)
                want(np.array_equal(bits(table[name][n]), bits(stamp)), f"{frame}: {name} differs")
            close(table["TIME"][n], (header["TSTART"] + header["TSTOP"]) / 2, "TIME")
            want(table["QUALITY"][n] == header["DQUALITY"], f"{frame}: QUALITY is {table['QUALITY'][n]}")
            want(table["CADENCENO"][n] == header["FFIINDEX"], f"{frame}: CADENCENO is {table['CADENCENO'][n]}")
            if names[n] == hdus[1].header["WCS_FFI"]:
                used = WCS(header)
    want(used is not None, f"WCS_FFI is {hdus[1].header['WCS_FFI']}, none of the frames")
    want(np.array_equal(tpf.time.value, table["TIME"]), "lightkurve has other times")
    want(np.array_equal(tpf.quality, table["QUALITY"]), "lightkurve has other flags")
    want(np.array_equal(bits(tpf.flux.value), bits(table["FLUX"])), "lightkurve has other pixels")

    apart = separations(WCS(aperture.header), used, column, row, shape)
    close(aperture.header["WCS_MSEP"], apart.max(), "WCS_MSEP")
    close(aperture.header["WCS_SIG"], np.sqrt((apart**2).sum()), "WCS_SIG")
    want(apart.max() > 0 or shape == (1, 1), "the fit is perfect, which it cannot be")
    by_lightkurve = separations(tpf.wcs, used, column, row, shape)
    want(by_lightkurve.max() <= aperture.header["WCS_MSEP"] * 1.0001 + 1e-12, "lightkurve's WCS is further off")
    columns = WCS(hdus[1].header, keysel=["binary"], colsel=[5], naxis=2)
    of_column = separations(columns, used, column, row, shape)
    want(of_column.max() <= aperture.header["WCS_MSEP"] * 1.0001 + 1e-12, "the column's WCS is further off")

    finite = np.isfinite(table["FLUX"]).all(axis=0)
    want(np.array_equal(aperture.data > 0, finite), "APERTURE is not where the pixels are")
    curve = tpf.to_lightcurve(aperture_mask=finite)
    sums = np.nansum(np.where(finite, table["FLUX"], 0), axis=(1, 2))
    want(len(curve) == len(frames) and np.allclose(curve.flux.value, sums, rtol=1e-5), "to_lightcurve()")
    curve = lightkurve.read(path).to_lightcurve()
    good = sum(1 for flags in table["QUALITY"] if flags & lightkurve.utils.TessQualityFlags.DEFAULT_BITMASK == 0)
    want(len(curve) == good, f"lightkurve keeps {len(curve)} frames by its default mask, expected {good}")
    print(f"ok {os.path.basename(path)}: {tpf.shape}, fit within {apart.max() * 3600:.1e} arcsec")


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    try:
        main(sys.argv[1], sys.argv[2:])
    except (Differs, Warning, lightkurve.LightkurveError, OSError, ValueError, KeyError) as error:
        print(f"error: {sys.argv[1]}: {error}", file=sys.stderr)
        sys.exit(1)
