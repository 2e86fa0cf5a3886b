-- relation: staging.geonames_place
-- purpose: The place that every place name was resolved to: of several look-ups the latest.
-- grain: query, country
-- inputs: raw.geonames_places
-- built: view
-- owner: warehouse
-- columns:
--   query varchar - the name asked for
--   country varchar ISO-3166-1 country, two letters
--   place_id bigint - GeoNames id
--   name varchar - the place's own name
--   admin1 varchar - first-level division, null when it has none
--   latitude double degrees north
--   longitude double degrees east
--   time_zone varchar - IANA name, null when unknown
--   feature_code varchar - GeoNames feature code, null when unknown
--   population bigint people inhabitants, null when unknown
--   landed_at timestamptz UTC when it landed
with
landed as (
    select
        query,
        country,
        place_id,
        name,
        admin1,
        latitude,
        longitude,
        time_zone,
        feature_code,
        population,
        landed_at
    from raw.geonames_places
),

ranked as (
    select
        query,
        country,
        place_id,
        name,
        admin1,
        latitude,
        longitude,
        time_zone,
        feature_code,
        population,
        landed_at,
        row_number() over (
            partition by query, country
            order by landed_at desc, coalesce(population, -1) desc, place_id
        ) as landing_rank
    from landed
)

-- A name that was asked for again counts as answered last, of answers at one instant the
-- most populous place, then the lowest id counts, so that every run chooses the same row.
select
    query,
    country,
    place_id,
    name,
    admin1,
    latitude,
    longitude,
    time_zone,
    feature_code,
    population,
    landed_at
from ranked
where landing_rank = 1
