-- relation: staging.openmeteo_day
-- purpose: The best known weather of every local day at every location: measured where there is a measurement, else forecast.
-- grain: location_id, day
-- inputs: raw.openmeteo_days
-- built: view
-- owner: warehouse
-- columns:
--   location_id varchar - the location
--   day date local-day day in the location's zone
--   kind varchar - archive (measured) or forecast
--   time_zone varchar - IANA name of the zone that the day is cut in
--   temperature_min double °C lowest temperature
--   temperature_max double °C highest temperature
--   temperature_mean double °C mean temperature
--   precipitation_sum double mm rain and snow as water
--   snowfall_sum double cm fresh snow
--   wind_speed_max double km/h strongest wind
--   weather_code integer WMO-4677 the most severe weather of the day
--   landed_at timestamptz UTC when it landed
with
landed as (
    select
        location_id,
        day,
        kind,
        time_zone,
        temperature_min,
        temperature_max,
        temperature_mean,
        precipitation_sum,
        snowfall_sum,
        wind_speed_max,
        weather_code,
        landed_at
    from raw.openmeteo_days
),

-- The archive answers days that it does not have yet with nothing but nulls: such a row would
-- hide the forecast or an earlier answer.
measured as (
    select
        location_id,
        day,
        kind,
        time_zone,
        temperature_min,
        temperature_max,
        temperature_mean,
        precipitation_sum,
        snowfall_sum,
        wind_speed_max,
        weather_code,
        landed_at
    from landed
    where coalesce(temperature_min, temperature_max, temperature_mean, precipitation_sum, snowfall_sum, wind_speed_max, weather_code) is not null
),

ranked as (
    select
        location_id,
        day,
        kind,
        time_zone,
        temperature_min,
        temperature_max,
        temperature_mean,
        precipitation_sum,
        snowfall_sum,
        wind_speed_max,
        weather_code,
        landed_at,
        row_number() over (
            partition by location_id, day
            order by
                case when kind = 'archive' then 0 else 1 end,
                landed_at desc,
                kind,
                time_zone,
                temperature_max desc,
                temperature_min desc,
                temperature_mean desc,
                precipitation_sum desc,
                wind_speed_max desc,
                snowfall_sum desc,
                weather_code desc
        ) as landing_rank
    from measured
)

-- A measurement stands above a forecast however late the forecast landed, of one kind the
-- latest landing counts, and of landings at one instant the warmest, so that every run chooses the same row.
select
    location_id,
    day,
    kind,
    time_zone,
    temperature_min,
    temperature_max,
    temperature_mean,
    precipitation_sum,
    snowfall_sum,
    wind_speed_max,
    weather_code,
    landed_at
from ranked
where landing_rank = 1
