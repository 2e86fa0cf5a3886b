-- relation: marts.kpi_hourly
-- purpose: One value of every hourly KPI for each hour of its business's local clock that has a point.
-- grain: business_id, kpi_id, starts_at
-- inputs: staging.kpi_point, staging.kpi, staging.business
-- built: window day by month
-- owner: warehouse
-- columns:
--   business_id varchar - the business
--   kpi_id varchar - the KPI
--   starts_at timestamptz UTC when the hour begins; at half past where the zone's offset has half an hour
--   day date local-day the business's day that the hour lies in
--   hour integer local-hour 0 to 23; the hour that is repeated when clocks go back has two rows, the one that is skipped none
--   value double kpi-unit the points of the hour by the KPI's aggregation
--   points bigint points how many points the hour has
--   currency varchar ISO-4217 currency of the value, null unless it is money
with
kpi_point as (
    select
        business_id,
        kpi_id,
        measured_at,
        value
    from staging.kpi_point
),

kpi as (
    select
        business_id,
        kpi_id,
        currency,
        aggregation
    from staging.kpi
    where grain = 'hour'
),

business as (
    select
        business_id,
        time_zone
    from staging.business
),

hourly_point as (
    select
        kpi_point.business_id,
        kpi_point.kpi_id,
        business.time_zone,
        kpi_point.measured_at,
        kpi_point.value
    from kpi_point
    inner join kpi
        on kpi_point.business_id = kpi.business_id
        and kpi_point.kpi_id = kpi.kpi_id
    inner join business
        on kpi_point.business_id = business.business_id
),

-- Finding the local time of an instant is dear and KPIs share their instants: each pair of zone and instant once.
zone_instant as (
    select distinct
        time_zone,
        measured_at
    from hourly_point
),

local_instant as (
    select
        time_zone,
        measured_at,
        measured_at at time zone time_zone as local_time
    from zone_instant
),

-- The hour is cut on the local clock and kept as an instant, which tells the two hours apart that clocks going back repeat.
local_hour as (
    select
        time_zone,
        measured_at,
        measured_at - (local_time - date_trunc('hour', local_time)) as starts_at,
        cast(local_time as date) as day,
        cast(extract(hour from local_time) as integer) as hour
    from local_instant
),

-- Sums are taken in decimals of nine places: unlike floating sums they do not depend on the order of points. Values that
-- are too great for them are added as they are.
hour_total as (
    select
        hourly_point.business_id,
        hourly_point.kpi_id,
        local_hour.starts_at,
        local_hour.day,
        local_hour.hour,
        count(*) as points,
        case
            when count(*) = 1 then max(hourly_point.value)
            when count(try_cast(hourly_point.value as decimal(28, 9))) = count(*)
                then cast(sum(try_cast(hourly_point.value as decimal(28, 9))) as double)
            else sum(hourly_point.value)
        end as total,
        max_by(hourly_point.value, hourly_point.measured_at) as last_value,
        min(hourly_point.value) as lowest,
        max(hourly_point.value) as highest
    from hourly_point
    inner join local_hour
        on hourly_point.time_zone = local_hour.time_zone
        and hourly_point.measured_at = local_hour.measured_at
    group by
        hourly_point.business_id,
        hourly_point.kpi_id,
        local_hour.starts_at,
        local_hour.day,
        local_hour.hour
)

select
    hour_total.business_id,
    hour_total.kpi_id,
    hour_total.starts_at,
    hour_total.day,
    hour_total.hour,
    case kpi.aggregation
        when 'sum' then hour_total.total
        when 'mean' then hour_total.total / hour_total.points
        when 'last' then hour_total.last_value
        when 'min' then hour_total.lowest
        when 'max' then hour_total.highest
    end as value,
    hour_total.points,
    kpi.currency
from hour_total
inner join kpi
    on hour_total.business_id = kpi.business_id
    and hour_total.kpi_id = kpi.kpi_id
