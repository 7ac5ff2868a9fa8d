-- Functions of the IVOA's catalogue that PostgreSQL lacks, with the meaning that they have in the embedded engine.

CREATE OR REPLACE FUNCTION ivo_hasword(haystack TEXT, needle TEXT) RETURNS INTEGER
LANGUAGE SQL IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT CASE WHEN needle ~ '[[:alnum:]]'
        AND regexp_split_to_array(lower(haystack), '[^[:alnum:]]+')
            @> array_remove(regexp_split_to_array(lower(needle), '[^[:alnum:]]+'), '')
        THEN 1 ELSE 0 END
$$;

CREATE OR REPLACE FUNCTION ivo_hashlist_has(hashlist TEXT, item TEXT) RETURNS INTEGER
LANGUAGE SQL IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT CASE WHEN lower(item) = ANY (string_to_array(lower(hashlist), '#')) THEN 1 ELSE 0 END
$$;

CREATE OR REPLACE FUNCTION ivo_interval_has(val DOUBLE PRECISION, low DOUBLE PRECISION, high DOUBLE PRECISION)
RETURNS INTEGER LANGUAGE SQL IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT CASE WHEN low <= val AND val <= high THEN 1 ELSE 0 END
$$;
