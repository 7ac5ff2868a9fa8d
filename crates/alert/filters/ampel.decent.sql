-- name: ampel.decent
-- version: 1
-- description: AMPEL's DecentFilter at its usual settings, its vetoes by Gaia and PS1 from the alert's own columns
COUNT(history WHERE magpsf IS NOT NULL AND isdiffpos IN ('t', '1')) >= 2;
candidate.jd - MIN(history, jd WHERE magpsf IS NOT NULL) BETWEEN 0 AND 60;
candidate.rb >= 0.3;
candidate.fwhm <= 5.5;
candidate.elong <= 1.4;
ABS(candidate.magdiff) <= 1;
candidate.nbad <= 2;
candidate.isdiffpos IN ('t', '1');
NOT (candidate.distpsnr1 < 1 AND candidate.sgscore1 > 0.76) IS TRUE;
NOT (candidate.neargaiabright BETWEEN 0 AND 20) IS TRUE;
candidate.ssdistnr IS NULL OR candidate.ssdistnr < 0 OR candidate.ssdistnr > 2;
ABS(GAL_B()) > 14
