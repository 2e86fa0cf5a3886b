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
--   expected_alarms double alarms/month how many anomalies of a KPI it wants to be told of in a month in which nothing happens; 0.5 unless it says otherwise
--   least_share double fraction distance from what is expected, as a share of it, below which nothing is an anomaly; 0.05 unless it says otherwise
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
        news_query,
        expected_alarms,
        least_share
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
    nullif(news_query, '') as news_query,
    coalesce(expected_alarms, 0.5) as expected_alarms,
    coalesce(least_share, 0.05) as least_share
from businesses
