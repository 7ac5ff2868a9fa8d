-- name: fink.yso_spicy_candidates
-- version: 1
-- description: Young stars of SPICY that brighten or fade along a line in red, after fink-filters 7.45
spicy_class <> 'Unknown';
ABS(SLOPE(history, magpsf WHERE fid = 2)) > 0.025;
COUNT(history WHERE fid = 2 AND magpsf IS NOT NULL) >= 5;
SLOPE_R2(history, magpsf WHERE fid = 2) > 0.6
