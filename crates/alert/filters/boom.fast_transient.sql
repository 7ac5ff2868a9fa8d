-- name: boom.fast_transient
-- version: 1
-- description: Seen for less than two weeks, and faster than 0.3 mag a day in any band, after BOOM's fast transients
candidate.drb > 0.3;
candidate.isdiffpos IN ('t', '1');
DAYS_SINCE_FIRST(history WHERE magpsf IS NOT NULL) < 14;
COUNT(history WHERE magpsf IS NOT NULL) >= 2;
ABS(RATE(history, magpsf WHERE fid = 1)) > 0.3 OR ABS(RATE(history, magpsf WHERE fid = 2)) > 0.3
