-- name: ztf.pure_sample
-- version: 1
-- description: What is a source and no artefact, by the guide to ZTF's public alerts
candidate.rb >= 0.65;
candidate.nbad = 0;
candidate.fwhm <= 5;
candidate.elong <= 1.2;
ABS(candidate.magdiff) <= 0.1
