-- relation: staging.calendar_holiday
-- purpose: Every public holiday of every country, one row for a day.
-- grain: country, day
-- inputs: raw.calendar_holidays
-- built: view
-- owner: warehouse
-- columns:
--   country varchar ISO-3166-1 country, two letters
--   day date local-day the day
--   name varchar - the holiday's name; of several on one day the first by alphabet
--   holidays bigint holidays how many holidays fall on the day
with
holidays as (
    select
        country,
        day,
        name
    from raw.calendar_holidays
)

-- Two holidays can fall on one day: readers ask whether a day is one, so a day has one row.
select
    upper(country) as country,
    day,
    min(name) as name,
    count(*) as holidays
from holidays
group by
    upper(country),
    day
