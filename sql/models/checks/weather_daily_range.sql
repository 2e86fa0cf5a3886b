-- relation: checks.weather_daily_range
-- purpose: Weather that no place on earth has, or whose lowest temperature is above its highest.
-- grain: business_id, day
-- inputs: marts.weather_daily
-- built: window day by month
-- owner: warehouse
-- columns:
--   business_id varchar - the business
--   day date local-day the day
--   temperature_min double °C lowest temperature
--   temperature_max double °C highest temperature
--   temperature_mean double °C mean temperature
--   precipitation_sum double mm rain and snow as water
--   snowfall_sum double cm fresh snow
--   wind_speed_max double km/h strongest wind
with
weather_day as (
    select
        business_id,
        day,
        temperature_min,
        temperature_max,
        temperature_mean,
        precipitation_sum,
        snowfall_sum,
        wind_speed_max
    from marts.weather_daily
)

-- The bounds lie outside the records of the World Meteorological Organization: -89.2 and 56.7 °C, 1,825 mm of rain
-- and 193 cm of snow in a day, gusts of 408 km/h. Temperatures may be apart by rounding.
select
    business_id,
    day,
    temperature_min,
    temperature_max,
    temperature_mean,
    precipitation_sum,
    snowfall_sum,
    wind_speed_max
from weather_day
where temperature_min not between -95 and 65
    or temperature_max not between -95 and 65
    or temperature_mean not between -95 and 65
    or temperature_min > temperature_max + 0.1
    or temperature_mean > temperature_max + 0.1
    or temperature_mean < temperature_min - 0.1
    or precipitation_sum not between 0 and 2000
    or snowfall_sum not between 0 and 250
    or wind_speed_max not between 0 and 450
