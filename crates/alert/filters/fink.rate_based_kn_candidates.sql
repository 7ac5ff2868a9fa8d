-- name: fink.rate_based_kn_candidates
-- version: 1
-- description: Kilonova candidates that fade quickly, as fink-filters 7.45 has them, without its search of SDSS
candidate.drb > 0.9;
candidate.classtar > 0.4;
candidate.jd - candidate.jdstarthist < 5;
candidate.ndethist < 20;
cdsxmatch IN ('BClG', 'BlueCompG', 'Candidate_SN*', 'ClG', 'Compact_Gr_G', 'EmG', 'Fail', 'Fail 504', 'Galaxy', 'GinCl',
  'GinGroup', 'GinPair', 'GravLens_Candidate', 'GroupG', 'HII_G', 'High_z_G', 'IG', 'LINER', 'LSB_G', 'PairG', 'PartofG',
  'Possible_ClG', 'Possible_SClG', 'SN', 'SN*_Candidate', 'Seyfert', 'Seyfert_1', 'Seyfert_2', 'StarburstG', 'SuperClG',
  'Transient', 'Unknown', 'Void', 'galaxy');
candidate.isdiffpos = 't';
candidate.ssdistnr > 10 OR candidate.ssdistnr < 0;
ABS(GALACTIC_LATITUDE()) > 10;
-- The rate in the band of the current detection, over half a day at least, of magnitudes that have the reference's
-- flux in them; weights come from the errors of both.
MAX(history, jd WHERE fid = candidate.fid AND -2.5 * LOG10((POWER(10, -0.4 * magnr) + IF(isdiffpos IN ('t', '1'), 1, -1) * POWER(10, -0.4 * magpsf))) < 21)
  - MIN(history, jd WHERE fid = candidate.fid AND -2.5 * LOG10((POWER(10, -0.4 * magnr) + IF(isdiffpos IN ('t', '1'), 1, -1) * POWER(10, -0.4 * magpsf))) < 21) > 0.5;
SLOPE(history,
  -2.5 * LOG10((POWER(10, -0.4 * magnr) + IF(isdiffpos IN ('t', '1'), 1, -1) * POWER(10, -0.4 * magpsf))),
  SQRT(SQUARE(sigmapsf * POWER(10, -0.4 * magpsf)) + SQUARE(sigmagnr * POWER(10, -0.4 * magnr))) / (POWER(10, -0.4 * magnr) + IF(isdiffpos IN ('t', '1'), 1, -1) * POWER(10, -0.4 * magpsf))
  WHERE fid = candidate.fid AND -2.5 * LOG10((POWER(10, -0.4 * magnr) + IF(isdiffpos IN ('t', '1'), 1, -1) * POWER(10, -0.4 * magpsf))) < 21) > 0.3
