-- name: fink.tracklet_candidates
-- version: 1
-- description: Space debris and glints, as fink-filters 7.45 has them
tracklet LIKE 'TRCK\_%'
