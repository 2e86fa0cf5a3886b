-- relation: marts.kpi_daily
-- purpose: One value of every KPI for each local day of its business that has a point; a day without points has no row.
-- grain: business_id, kpi_id, day
-- inputs: staging.kpi_point, staging.kpi, staging.business, marts.kpi_hourly, marts.fx_daily
-- built: window day by month lookback 10 days
-- owner: warehouse
-- columns:
--   business_id varchar - the business
--   kpi_id varchar - the KPI
--   day date local-day day in the business's time zone
--   starts_at timestamptz UTC when the day begins
--   value double kpi-unit the points of the day by the KPI's aggregation
--   points bigint points how many points the day has
--   hours_expected integer hours how long the day is: 24, and 23 or 25 when clocks change; a half-hour change counts whole hours only
--   coverage double fraction share of the day's hours that have a point, 0 to 1; 1 for daily KPIs
--   complete boolean - true when coverage is 1
--   currency varchar ISO-4217 currency of the value, null unless it is money
--   value_converted double business-currency the value in the business's currency at the day's rate; null when it is not money or no rate is known
--   converted_currency varchar ISO-4217 the business's currency, null unless the value is money
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
        aggregation,
        grain
    from staging.kpi
),

business as (
    select
        business_id,
        time_zone,
        currency
    from staging.business
),

kpi_hour as (
    select
        business_id,
        kpi_id,
        day
    from marts.kpi_hourly
),

fx_rate as (
    select
        currency,
        day,
        rate
    from marts.fx_daily
),

-- Points of a KPI or business that the control plane no longer has are left out.
zoned_point as (
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

-- Finding the local day of an instant is dear and KPIs share their instants: each pair of zone and instant once.
zone_instant as (
    select distinct
        time_zone,
        measured_at
    from zoned_point
),

local_instant as (
    select
        time_zone,
        measured_at,
        cast(measured_at at time zone time_zone as date) as day
    from zone_instant
),

-- Sums are taken in decimals of nine places: unlike floating sums they do not depend on the order of points. Values that
-- are too great for them are added as they are.
day_total as (
    select
        zoned_point.business_id,
        zoned_point.kpi_id,
        zoned_point.time_zone,
        local_instant.day,
        count(*) as points,
        case
            when count(*) = 1 then max(zoned_point.value)
            when count(try_cast(zoned_point.value as decimal(28, 9))) = count(*)
                then cast(sum(try_cast(zoned_point.value as decimal(28, 9))) as double)
            else sum(zoned_point.value)
        end as total,
        max_by(zoned_point.value, zoned_point.measured_at) as last_value,
        min(zoned_point.value) as lowest,
        max(zoned_point.value) as highest
    from zoned_point
    inner join local_instant
        on zoned_point.time_zone = local_instant.time_zone
        and zoned_point.measured_at = local_instant.measured_at
    group by
        zoned_point.business_id,
        zoned_point.kpi_id,
        zoned_point.time_zone,
        local_instant.day
),

zone_day as (
    select distinct
        time_zone,
        day
    from local_instant
),

-- Local midnight as an instant. Where clocks skip it, this is the instant of the change. (Trino: with_timezone.)
zone_midnight as (
    select
        time_zone,
        day,
        cast(day as timestamp) at time zone time_zone as midnight,
        cast(cast(day + interval '1' day as date) as timestamp) at time zone time_zone as next_midnight
    from zone_day
),

-- Where clocks go back at midnight it comes twice and the later one was taken: the day begins with the first.
zone_midnight_first as (
    select
        time_zone,
        day,
        case
            when cast((midnight - interval '1' hour) at time zone time_zone as date) = day then midnight - interval '1' hour
            else midnight
        end as starts_at,
        case
            when cast((next_midnight - interval '1' hour) at time zone time_zone as date) > day then next_midnight - interval '1' hour
            else next_midnight
        end as ends_at
    from zone_midnight
),

day_length as (
    select
        time_zone,
        day,
        starts_at,
        cast(floor(date_diff('second', starts_at, ends_at) / 3600.0) as integer) as hours_expected
    from zone_midnight_first
),

day_hours as (
    select
        business_id,
        kpi_id,
        day,
        count(*) as hours_present
    from kpi_hour
    group by
        business_id,
        kpi_id,
        day
),

kpi_day as (
    select
        day_total.business_id,
        day_total.kpi_id,
        day_total.day,
        day_length.starts_at,
        case kpi.aggregation
            when 'sum' then day_total.total
            when 'mean' then day_total.total / day_total.points
            when 'last' then day_total.last_value
            when 'min' then day_total.lowest
            when 'max' then day_total.highest
        end as value,
        day_total.points,
        day_length.hours_expected,
        case
            when kpi.grain = 'hour' then least(1.0, coalesce(day_hours.hours_present, 0) / cast(day_length.hours_expected as double))
            else 1.0
        end as coverage,
        kpi.currency,
        business.currency as business_currency
    from day_total
    inner join kpi
        on day_total.business_id = kpi.business_id
        and day_total.kpi_id = kpi.kpi_id
    inner join business
        on day_total.business_id = business.business_id
    inner join day_length
        on day_total.time_zone = day_length.time_zone
        and day_total.day = day_length.day
    left join day_hours
        on day_total.business_id = day_hours.business_id
        and day_total.kpi_id = day_hours.kpi_id
        and day_total.day = day_hours.day
)

-- Money goes to euro and from there to the business's currency, at that day's two rates. Its own currency needs none.
select
    kpi_day.business_id,
    kpi_day.kpi_id,
    kpi_day.day,
    kpi_day.starts_at,
    kpi_day.value,
    kpi_day.points,
    kpi_day.hours_expected,
    kpi_day.coverage,
    kpi_day.coverage >= 1.0 as complete,
    kpi_day.currency,
    case
        when kpi_day.currency = kpi_day.business_currency then kpi_day.value
        else kpi_day.value / kpi_rate.rate * business_rate.rate
    end as value_converted,
    case when kpi_day.currency is not null then kpi_day.business_currency end as converted_currency
from kpi_day
left join fx_rate as kpi_rate
    on kpi_day.currency = kpi_rate.currency
    and kpi_day.day = kpi_rate.day
left join fx_rate as business_rate
    on kpi_day.business_currency = business_rate.currency
    and kpi_day.day = business_rate.day
