-- name: regression.steady_trend
-- version: 1
-- description: What brightens or fades along a line in red, whatever it is
ABS(SLOPE(history, magpsf WHERE fid = 2)) > 0.005;
COUNT(history WHERE fid = 2 AND magpsf IS NOT NULL) >= 5;
SLOPE_R2(history, magpsf WHERE fid = 2) > 0.3
