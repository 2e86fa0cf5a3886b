-- relation: staging.business
-- purpose: Every business with its time zone, currency and place, as the control plane describes it.
-- grain: business_id
-- inputs: raw.businesses
-- built: view
-- owner: warehouse
-- columns:
--   business_id varchar - the business
--   name varchar - its name
--   time_zone varchar - IANA name of the zone that its days are cut in
--   currency varchar ISO-4217 what its money is converted to
--   country varchar ISO-3166-1 country, two letters
--   place varchar - place as the owner wrote it
--   place_id bigint - GeoNames id of the place, null until it was found
--   latitude double degrees north, null until it was found
--   longitude double degrees east, null until it was found
--   location_id varchar - where its weather is kept, null until it was found
--   news_query varchar - what its news are searched by, null for none
with
businesses as (
    select
        business_id,
        name,
        time_zone,
        currency,
        country,
        place,
        place_id,
        latitude,
        longitude,
        location_id,
        news_query
    from raw.businesses
)

select
    business_id,
    name,
    time_zone,
    upper(currency) as currency,
    upper(country) as country,
    place,
    place_id,
    latitude,
    longitude,
    location_id,
    nullif(news_query, '') as news_query
from businesses
