-- relation: marts.weather_extreme
-- purpose: Days whose weather was rare for the place and the time of the year: among the three in a hundred that were hottest, coldest, wettest,
--   snowiest or windiest.
-- grain: business_id, day, measure
-- inputs: marts.weather_daily, run.window
-- built: window day by month lookback 1110 days
-- owner: warehouse
-- columns:
--   business_id varchar - the business at whose location it was
--   day date local-day the day
--   measure varchar - heat, cold, rain, snow or wind
--   value double °C,mm,cm,km/h highest temperature, lowest temperature, precipitation, fresh snow or strongest wind of the day
--   usual double °C,mm,cm,km/h median of the days that it is held against
--   share double fraction share of days that were as extreme, itself counted: 0.01 is one in a hundred
--   past_days bigint days how many days it is held against: those up to 15 days away in the calendar, in this year and the three before; at least 33
with
weather_day as (
    select
        business_id,
        day,
        kind,
        temperature_max,
        temperature_min,
        precipitation_sum,
        snowfall_sum,
        wind_speed_max
    from marts.weather_daily
),

output_window as (
    select window_start
    from run.window
),

window_day as (
    select coalesce(window_start, date '0001-01-01') as first_day
    from output_window
),

-- Cold is heat with its sign turned, so that for each measure more is more extreme.
measured as (
    select
        business_id,
        day,
        kind,
        measure.name as measure,
        case measure.name
            when 'heat' then temperature_max
            when 'cold' then -temperature_min
            when 'rain' then precipitation_sum
            when 'snow' then snowfall_sum
            else wind_speed_max
        end as value
    from weather_day
    cross join (values ('heat'), ('cold'), ('rain'), ('snow'), ('wind')) as measure (name)
),

-- A dry day is never extreme, a forecast one has not been.
candidate as (
    select
        measured.business_id,
        measured.day,
        measured.measure,
        measured.value
    from measured
    cross join window_day
    where measured.day >= window_day.first_day
        and measured.kind = 'archive'
        and measured.value is not null
        and (measured.measure not in ('rain', 'snow') or measured.value >= 1)
),

ranked as (
    select
        candidate.business_id,
        candidate.day,
        candidate.measure,
        candidate.value,
        median(past.value) as usual,
        count(*) as past_days,
        count(case when past.value >= candidate.value then 1 end) as as_extreme
    from candidate
    inner join measured as past
        on candidate.business_id = past.business_id
        and candidate.measure = past.measure
        and past.value is not null
        and past.day < candidate.day
        and (
            date_diff('day', past.day, candidate.day) between 1 and 15
            or date_diff('day', past.day, candidate.day) between 350 and 380
            or date_diff('day', past.day, candidate.day) between 715 and 745
            or date_diff('day', past.day, candidate.day) between 1080 and 1110
        )
    group by
        candidate.business_id,
        candidate.day,
        candidate.measure,
        candidate.value
)

select
    business_id,
    day,
    measure,
    case when measure = 'cold' then -value else value end as value,
    case when measure = 'cold' then -usual else usual end as usual,
    cast(as_extreme + 1 as double) / (past_days + 1) as share,
    past_days
from ranked
where past_days >= 33
    and cast(as_extreme + 1 as double) / (past_days + 1) <= 0.03
