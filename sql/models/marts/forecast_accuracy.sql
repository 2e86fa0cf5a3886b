-- relation: marts.forecast_accuracy
-- purpose: How far each vintage of a KPI's forecast was from what came, by how far ahead it was made: three bands of horizons.
--   A band of which no day has come yet has no row. Days of incidents do not count, nor days that lack many of their hours, nor
--   days that are not over yet.
-- grain: business_id, kpi_id, vintage, horizon_from
-- inputs: marts.kpi_forecasts, marts.kpi_daily, staging.calendar_entry, run.window
-- built: window vintage by month lookback 50 days lookahead 45 days
-- owner: warehouse
-- columns:
--   business_id varchar - the business
--   kpi_id varchar - the KPI
--   vintage date UTC-day when the forecast was made
--   horizon_from integer days first day of the band, counted from the last observed day: 1, 8 or 15
--   horizon_to integer days last day of the band: 7, 14 or 30
--   method varchar - the method that made the forecast
--   days bigint days days of the band that came: what the figures below are means of
--   mae double kpi-unit mean absolute error
--   mase double - mean absolute error as a multiple of the seasonal naive error in the history before; null where that is unknown
--   smape double percent symmetric mean absolute percentage error, 0 to 200; a day on which forecast and value are both zero counts 0
--   bias double kpi-unit mean of forecast less value: above zero where forecasts were too high
--   coverage_80 double fraction share of the days whose value lay inside the 80 % interval
--   coverage_95 double fraction share of the days whose value lay inside the 95 % interval
--   naive_days bigint days days of the band for which repeating the weekday's last value would have given a forecast
--   naive_mae double kpi-unit mean absolute error of that forecast on those days; null when there are none
--   paired_mae double kpi-unit mean absolute error of the vintage's forecast on the same days; null when there are none
with
forecast as (
    select
        business_id,
        kpi_id,
        vintage,
        day,
        horizon,
        mean,
        lower_80,
        upper_80,
        lower_95,
        upper_95,
        method,
        scale
    from marts.kpi_forecasts
),

-- The days whose values are asked: from the last value of the same weekday, five weeks before, to the next day, two weeks later.
asked_day as (
    select
        min(day) - interval '35' day as first_day,
        max(day) + interval '14' day as last_day
    from forecast
),

kpi_day as (
    select
        kpi_daily.business_id,
        kpi_daily.kpi_id,
        kpi_daily.day,
        kpi_daily.value,
        kpi_daily.coverage,
        lead(kpi_daily.day) over (partition by kpi_daily.business_id, kpi_daily.kpi_id order by kpi_daily.day) as next_day
    from marts.kpi_daily as kpi_daily
    cross join asked_day
    where kpi_daily.day between asked_day.first_day and asked_day.last_day
),

calendar_entry as (
    select
        business_id,
        kpi_id,
        kind,
        first_day,
        last_day
    from staging.calendar_entry
),

output_window as (
    select
        coalesce(window_start, date '0001-01-01') as first_vintage,
        coalesce(window_end, date '9999-12-31') as end_vintage
    from run.window
),

-- Values of incidents mean nothing: no forecast is held against them, and none is made of them.
incident as (
    select
        business_id,
        kpi_id,
        first_day,
        last_day
    from calendar_entry
    where kind = 'incident'
),

observed as (
    select
        kpi_day.business_id,
        kpi_day.kpi_id,
        kpi_day.day,
        kpi_day.value,
        kpi_day.next_day
    from kpi_day
    where kpi_day.value is not null
        and kpi_day.coverage >= 0.9
        and not exists (
            select 1
            from incident
            where incident.business_id = kpi_day.business_id
                and (incident.kpi_id = kpi_day.kpi_id or incident.kpi_id is null)
                and kpi_day.day between incident.first_day and incident.last_day
        )
),

-- The last day that a vintage knew the value of. Forecasts are made of days that are over.
known_day as (
    select
        business_id,
        kpi_id,
        vintage,
        max(cast(day - horizon * interval '1' day as date)) as last_day
    from forecast
    group by
        business_id,
        kpi_id,
        vintage
),

-- A day is over when a later one has come, or when a vintage knew it. What comes more than two weeks later is not asked, so that
-- no row depends on a month that its window does not read.
finished as (
    select
        observed.business_id,
        observed.kpi_id,
        observed.day,
        observed.value
    from observed
    where observed.next_day <= observed.day + interval '14' day
        or exists (
            select 1
            from known_day
            where known_day.business_id = observed.business_id
                and known_day.kpi_id = observed.kpi_id
                and known_day.last_day >= observed.day
                and known_day.vintage <= observed.day + interval '14' day
        )
),

-- The scale stands on the first day of a vintage only.
vintage_scale as (
    select
        business_id,
        kpi_id,
        vintage,
        max(scale) as scale
    from forecast
    where scale > 0
    group by
        business_id,
        kpi_id,
        vintage
),

-- A forecast day that came. The last observed day lies horizon days before it, and the same weekday's last value until then
-- that many whole weeks as hold the horizon. The forecast of a KPI that had long ended lies in the past: it told nobody anything.
come_day as (
    select
        forecast.business_id,
        forecast.kpi_id,
        forecast.vintage,
        forecast.day,
        case
            when forecast.horizon <= 7 then 1
            when forecast.horizon <= 14 then 8
            else 15
        end as horizon_from,
        forecast.method,
        forecast.mean,
        forecast.lower_80,
        forecast.upper_80,
        forecast.lower_95,
        forecast.upper_95,
        finished.value,
        cast(forecast.day - (forecast.horizon + 6 - (forecast.horizon + 6) % 7) * interval '1' day as date) as naive_day
    from forecast
    cross join output_window
    inner join finished
        on forecast.business_id = finished.business_id
        and forecast.kpi_id = finished.kpi_id
        and forecast.day = finished.day
    where forecast.vintage >= output_window.first_vintage
        and forecast.vintage < output_window.end_vintage
        and forecast.horizon between 1 and 30
        and forecast.day >= forecast.vintage - interval '14' day
),

scored_day as (
    select
        come_day.business_id,
        come_day.kpi_id,
        come_day.vintage,
        come_day.day,
        come_day.horizon_from,
        come_day.method,
        abs(come_day.mean - come_day.value) as error,
        case
            when come_day.mean = 0 and come_day.value = 0 then 0.0
            else 200.0 * abs(come_day.mean - come_day.value) / (abs(come_day.mean) + abs(come_day.value))
        end as percentage,
        come_day.mean - come_day.value as deviation,
        case when come_day.value between come_day.lower_80 and come_day.upper_80 then 1.0 else 0.0 end as inside_80,
        case when come_day.value between come_day.lower_95 and come_day.upper_95 then 1.0 else 0.0 end as inside_95,
        abs(naive.value - come_day.value) as naive_error
    from come_day
    left join observed as naive
        on come_day.business_id = naive.business_id
        and come_day.kpi_id = naive.kpi_id
        and come_day.naive_day = naive.day
),

-- Means are taken in the order of days, so that they do not depend on how the engine splits the rows. Decimals, which sums
-- are taken in elsewhere, would leave nothing of the errors of a very small KPI.
band as (
    select
        business_id,
        kpi_id,
        vintage,
        horizon_from,
        min(method) as method,
        count(*) as days,
        avg(error order by day) as mae,
        avg(percentage order by day) as smape,
        avg(deviation order by day) as bias,
        avg(inside_80 order by day) as coverage_80,
        avg(inside_95 order by day) as coverage_95,
        count(naive_error) as naive_days,
        avg(naive_error order by day) as naive_mae,
        avg(case when naive_error is not null then error end order by day) as paired_mae
    from scored_day
    group by
        business_id,
        kpi_id,
        vintage,
        horizon_from
)

select
    band.business_id,
    band.kpi_id,
    band.vintage,
    cast(band.horizon_from as integer) as horizon_from,
    cast(
        case band.horizon_from
            when 1 then 7
            when 8 then 14
            else 30
        end as integer
    ) as horizon_to,
    band.method,
    band.days,
    band.mae,
    band.mae / vintage_scale.scale as mase,
    band.smape,
    band.bias,
    band.coverage_80,
    band.coverage_95,
    band.naive_days,
    band.naive_mae,
    band.paired_mae
from band
left join vintage_scale
    on band.business_id = vintage_scale.business_id
    and band.kpi_id = vintage_scale.kpi_id
    and band.vintage = vintage_scale.vintage
