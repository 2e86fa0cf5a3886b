-- relation: marts.business_day
-- purpose: Every KPI's value on each day beside the weather, the news and the holiday of that day.
-- grain: business_id, kpi_id, day
-- inputs: marts.kpi_daily, staging.business, marts.weather_daily, marts.news_daily, staging.calendar_holiday
-- built: window day by month
-- owner: warehouse
-- columns:
--   business_id varchar - the business
--   kpi_id varchar - the KPI
--   day date local-day the business's day
--   weekday integer ISO-weekday 1 (Monday) to 7 (Sunday)
--   value double kpi-unit the day's value
--   complete boolean - true when every hour of the day has a point; always true for daily KPIs
--   currency varchar ISO-4217 currency of the value, null unless it is money
--   value_converted double business-currency the value in the business's currency; null when it is not money or no rate is known
--   temperature_min double °C lowest temperature, null when unknown
--   temperature_max double °C highest temperature, null when unknown
--   temperature_mean double °C mean temperature, null when unknown
--   precipitation_sum double mm rain and snow as water, null when unknown
--   snowfall_sum double cm fresh snow, null when unknown
--   wind_speed_max double km/h strongest wind, null when unknown
--   weather_code integer WMO-4677 the most severe weather of the day, null when unknown
--   weather_kind varchar - archive (measured) or forecast, null when unknown
--   articles bigint articles news articles first seen on the day, null when none was
--   mean_score double - mean tone of the day's stories, -1 to 1; null when none was scored
--   share_negative double fraction share of negative stories; null when none was scored
--   is_holiday boolean - true on a public holiday of the business's country; null in years whose holidays are not known
--   holiday varchar - the holiday's name, null on other days
with
kpi_day as (
    select
        business_id,
        kpi_id,
        day,
        value,
        complete,
        currency,
        value_converted
    from marts.kpi_daily
),

business as (
    select
        business_id,
        country
    from staging.business
),

weather_day as (
    select
        business_id,
        day,
        kind,
        temperature_min,
        temperature_max,
        temperature_mean,
        precipitation_sum,
        snowfall_sum,
        wind_speed_max,
        weather_code
    from marts.weather_daily
),

news_day as (
    select
        business_id,
        day,
        articles,
        mean_score,
        share_negative
    from marts.news_daily
),

holiday as (
    select
        country,
        day,
        name
    from staging.calendar_holiday
),

known_year as (
    select distinct
        country,
        extract(year from day) as year
    from holiday
)

-- A day that no holiday is listed for is none only if the country's year is listed at all.
select
    kpi_day.business_id,
    kpi_day.kpi_id,
    kpi_day.day,
    -- 1900-01-01 was a Monday, engines number weekdays differently.
    cast(date_diff('day', date '1900-01-01', kpi_day.day) % 7 + 1 as integer) as weekday,
    kpi_day.value,
    kpi_day.complete,
    kpi_day.currency,
    kpi_day.value_converted,
    weather_day.temperature_min,
    weather_day.temperature_max,
    weather_day.temperature_mean,
    weather_day.precipitation_sum,
    weather_day.snowfall_sum,
    weather_day.wind_speed_max,
    weather_day.weather_code,
    weather_day.kind as weather_kind,
    news_day.articles,
    news_day.mean_score,
    news_day.share_negative,
    case
        when holiday.day is not null then true
        when known_year.year is not null then false
    end as is_holiday,
    holiday.name as holiday
from kpi_day
inner join business
    on kpi_day.business_id = business.business_id
left join weather_day
    on kpi_day.business_id = weather_day.business_id
    and kpi_day.day = weather_day.day
left join news_day
    on kpi_day.business_id = news_day.business_id
    and kpi_day.day = news_day.day
left join holiday
    on business.country = holiday.country
    and kpi_day.day = holiday.day
left join known_year
    on business.country = known_year.country
    and extract(year from kpi_day.day) = known_year.year
