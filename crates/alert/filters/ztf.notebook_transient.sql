-- name: ztf.notebook_transient
-- version: 1
-- description: New, no star beside it, seen twice half an hour apart, no asteroid: the filter of ZTF's notebook
candidate.isdiffpos IN ('t', '1');
candidate.distpsnr1 IS NULL OR candidate.distpsnr1 > 1.5 OR candidate.sgscore1 < 0.5;
-- Gaps between earlier detections: the notebook puts the current one first.
MAX_GAP(prv_candidates WHERE isdiffpos IN ('t', '1')) >= 30 / 1440;
candidate.ssdistnr IS NULL OR candidate.ssdistnr < 0 OR candidate.ssdistnr > 5
