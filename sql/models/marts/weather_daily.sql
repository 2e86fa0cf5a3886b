-- relation: marts.weather_daily
-- purpose: The weather of every local day at every business that has a location, up to the last day that is forecast.
-- grain: business_id, day
-- inputs: staging.openmeteo_day, staging.business
-- built: window day by month
-- owner: warehouse
-- columns:
--   business_id varchar - the business
--   day date local-day day at the business's location
--   location_id varchar - the location
--   kind varchar - archive (measured) or forecast
--   temperature_min double °C lowest temperature
--   temperature_max double °C highest temperature
--   temperature_mean double °C mean temperature
--   precipitation_sum double mm rain and snow as water
--   snowfall_sum double cm fresh snow
--   wind_speed_max double km/h strongest wind
--   weather_code integer WMO-4677 the most severe weather of the day
with
weather_day as (
    select
        location_id,
        day,
        kind,
        temperature_min,
        temperature_max,
        temperature_mean,
        precipitation_sum,
        snowfall_sum,
        wind_speed_max,
        weather_code
    from staging.openmeteo_day
),

business as (
    select
        business_id,
        location_id
    from staging.business
)

select
    business.business_id,
    weather_day.day,
    weather_day.location_id,
    weather_day.kind,
    weather_day.temperature_min,
    weather_day.temperature_max,
    weather_day.temperature_mean,
    weather_day.precipitation_sum,
    weather_day.snowfall_sum,
    weather_day.wind_speed_max,
    weather_day.weather_code
from weather_day
inner join business
    on weather_day.location_id = business.location_id
