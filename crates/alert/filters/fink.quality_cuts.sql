-- name: fink.quality_cuts
-- version: 1
-- description: What is probably real, as fink-filters 7.45 has them
candidate.rb >= 0.55;
candidate.nbad = 0
