-- relation: staging.openmeteo_hour
-- purpose: The best known weather of every hour at every location: measured where there is a measurement, else forecast.
-- grain: location_id, measured_at
-- inputs: raw.openmeteo_hours
-- built: view
-- owner: warehouse
-- columns:
--   location_id varchar - the location
--   measured_at timestamptz UTC the instant that the values stand for
--   kind varchar - archive (measured) or forecast
--   temperature double °C temperature
--   precipitation double mm rain and snow as water in the hour before
--   wind_speed double km/h wind
--   humidity double percent relative humidity
--   weather_code integer WMO-4677 the weather
--   landed_at timestamptz UTC when it landed
with
landed as (
    select
        location_id,
        "at" as measured_at,
        kind,
        temperature,
        precipitation,
        wind_speed,
        humidity,
        weather_code,
        landed_at
    from raw.openmeteo_hours
),

-- The archive answers hours that it does not have yet with nothing but nulls: such a row would
-- hide the forecast or an earlier answer.
measured as (
    select
        location_id,
        measured_at,
        kind,
        temperature,
        precipitation,
        wind_speed,
        humidity,
        weather_code,
        landed_at
    from landed
    where coalesce(temperature, precipitation, wind_speed, humidity, weather_code) is not null
),

ranked as (
    select
        location_id,
        measured_at,
        kind,
        temperature,
        precipitation,
        wind_speed,
        humidity,
        weather_code,
        landed_at,
        row_number() over (
            partition by location_id, measured_at
            order by
                case when kind = 'archive' then 0 else 1 end,
                landed_at desc,
                kind,
                temperature desc,
                precipitation desc,
                wind_speed desc,
                humidity desc,
                weather_code desc
        ) as landing_rank
    from measured
)

-- A measurement stands above a forecast however late the forecast landed, of one kind the
-- latest landing counts, and of landings at one instant the warmest, so that every run chooses the same row.
select
    location_id,
    measured_at,
    kind,
    temperature,
    precipitation,
    wind_speed,
    humidity,
    weather_code,
    landed_at
from ranked
where landing_rank = 1
