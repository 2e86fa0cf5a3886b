-- relation: marts.kpi_trends
-- purpose: How every KPI moves: averages, changes, slope and volatility at each day that has a value, compared by calendar day.
-- grain: business_id, kpi_id, day
-- inputs: marts.kpi_daily
-- built: window day by month lookback 372 days
-- owner: warehouse
-- columns:
--   business_id varchar - the business
--   kpi_id varchar - the KPI
--   day date local-day the day; days with fewer than nine tenths of their hours have no row
--   value double kpi-unit the day's value
--   mean_7 double kpi-unit mean of the last 7 days with this one; null with fewer than 4 values
--   mean_28 double kpi-unit mean of the last 28 days; null with fewer than 14 values
--   change_week double fraction change since 7 days before: 0.1 is 10 % more; null when that day has no value or 0
--   change_month double fraction change since 28 days before, which is the same weekday; null when that day has no value or 0
--   change_year double fraction change since 364 days before, which is the same weekday; null when that day has no value or 0
--   slope_28 double kpi-unit/day least-squares slope over the last 28 days; null with fewer than 14 values
--   volatility_28 double fraction sample standard deviation of change_week over the last 28 days; null with fewer than 14 of them
with
kpi_daily as (
    select
        business_id,
        kpi_id,
        day,
        value,
        coverage
    from marts.kpi_daily
),

-- Numbers sort and join faster than names.
series as (
    select
        business_id,
        kpi_id,
        row_number() over (order by business_id, kpi_id) as series
    from (
        select distinct
            business_id,
            kpi_id
        from kpi_daily
    ) as named
),

-- A day that lacks many of its hours, today above all, would read as a fall. Values are added in decimals of nine
-- places, so that sums do not depend on how the engine splits a frame.
kpi_day as (
    select
        series.series,
        kpi_daily.day,
        cast(date_diff('day', date '2000-01-01', kpi_daily.day) as integer) as day_number,
        kpi_daily.value,
        try_cast(kpi_daily.value as decimal(28, 9)) as exact_value
    from kpi_daily
    inner join series
        on kpi_daily.business_id = series.business_id
        and kpi_daily.kpi_id = series.kpi_id
    where kpi_daily.coverage >= 0.9
),

-- Frames are ranges of day numbers and not of rows: a missing day leaves a hole and shifts no comparison.
framed_day as (
    select
        series,
        day,
        day_number,
        value,
        count(exact_value) over last_7 as values_7,
        sum(exact_value) over last_7 as sum_7,
        count(exact_value) over last_28 as values_28,
        sum(exact_value) over last_28 as sum_28,
        sum(case when exact_value is not null then day_number end) over last_28 as day_sum_28,
        sum(case when exact_value is not null then cast(day_number as bigint) * day_number end) over last_28 as day_square_sum_28,
        sum(exact_value * cast(day_number as decimal(6, 0))) over last_28 as product_sum_28
    from kpi_day
    window
        last_7 as (partition by series order by day_number range between 6 preceding and current row),
        last_28 as (partition by series order by day_number range between 27 preceding and current row)
),

changed_day as (
    select
        now.series,
        now.day,
        now.day_number,
        now.value,
        case when now.values_7 >= 4 then cast(now.sum_7 as double) / now.values_7 end as mean_7,
        case when now.values_28 >= 14 then cast(now.sum_28 as double) / now.values_28 end as mean_28,
        (now.value - week_before.value) / nullif(abs(week_before.value), 0) as change_week,
        (now.value - month_before.value) / nullif(abs(month_before.value), 0) as change_month,
        (now.value - year_before.value) / nullif(abs(year_before.value), 0) as change_year,
        -- slope = (n sum(xy) - sum(x) sum(y)) / (n sum(xx) - sum(x)^2), exact up to the division
        case
            when now.values_28 >= 14 then
                cast(cast(now.values_28 as decimal(3, 0)) * now.product_sum_28 - cast(now.day_sum_28 as decimal(8, 0)) * now.sum_28 as double)
                / cast(now.values_28 * now.day_square_sum_28 - now.day_sum_28 * now.day_sum_28 as double)
        end as slope_28
    from framed_day as now
    left join kpi_day as week_before
        on now.series = week_before.series
        and now.day_number - 7 = week_before.day_number
    left join kpi_day as month_before
        on now.series = month_before.series
        and now.day_number - 28 = month_before.day_number
    left join kpi_day as year_before
        on now.series = year_before.series
        and now.day_number - 364 = year_before.day_number
),

exact_day as (
    select
        series,
        day,
        day_number,
        value,
        mean_7,
        mean_28,
        change_week,
        change_month,
        change_year,
        slope_28,
        try_cast(change_week as decimal(18, 9)) as exact_change
    from changed_day
),

volatile_day as (
    select
        series,
        day,
        value,
        mean_7,
        mean_28,
        change_week,
        change_month,
        change_year,
        slope_28,
        count(exact_change) over last_28 as changes_28,
        cast(sum(exact_change) over last_28 as double) as change_sum_28,
        cast(sum(exact_change * exact_change) over last_28 as double) as change_square_sum_28
    from exact_day
    window last_28 as (partition by series order by day_number range between 27 preceding and current row)
)

select
    series.business_id,
    series.kpi_id,
    volatile_day.day,
    volatile_day.value,
    volatile_day.mean_7,
    volatile_day.mean_28,
    volatile_day.change_week,
    volatile_day.change_month,
    volatile_day.change_year,
    volatile_day.slope_28,
    case
        when volatile_day.changes_28 >= 14 then
            sqrt(
                greatest(
                    volatile_day.change_square_sum_28 - volatile_day.change_sum_28 * volatile_day.change_sum_28 / volatile_day.changes_28,
                    0.0
                ) / (volatile_day.changes_28 - 1)
            )
    end as volatility_28
from volatile_day
inner join series
    on volatile_day.series = series.series
