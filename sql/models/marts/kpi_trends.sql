-- relation: marts.kpi_trends
-- purpose: How every KPI moves: averages, changes, slope and volatility at each day that has a value, compared by calendar day.
-- grain: business_id, kpi_id, day
-- inputs: marts.kpi_daily, run.window
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

output_window as (
    select
        window_start,
        window_end
    from run.window
),

window_day as (
    select
        coalesce(window_start, date '0001-01-01') as first_day,
        coalesce(window_end, date '9999-12-31') as end_day
    from output_window
),

-- A day that lacks many of its hours, today above all, would read as a fall. Of the days before the window only those are
-- taken that its rows read: 27 days for frames, 7 more for the changes in these, and the days a year before its own.
read_day as (
    select
        kpi_daily.business_id,
        kpi_daily.kpi_id,
        kpi_daily.day,
        kpi_daily.value,
        kpi_daily.day >= window_day.first_day - interval '27' day as framed
    from kpi_daily
    cross join window_day
    where kpi_daily.coverage >= 0.9
        and (
            kpi_daily.day >= window_day.first_day - interval '34' day
            or (
                kpi_daily.day >= window_day.first_day - interval '364' day
                and kpi_daily.day < window_day.end_day - interval '364' day
            )
        )
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
        from read_day
    ) as named
),

-- Values are added in decimals of nine places, so that sums do not depend on how the engine splits a frame.
kpi_day as (
    select
        series.series,
        read_day.day,
        cast(date_diff('day', date '2000-01-01', read_day.day) as integer) as day_number,
        read_day.value,
        try_cast(read_day.value as decimal(28, 9)) as exact_value,
        read_day.framed
    from read_day
    inner join series
        on read_day.business_id = series.business_id
        and read_day.kpi_id = series.kpi_id
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
        sum(exact_value * cast(day_number as decimal(6, 0))) over last_28 as product_sum_28,
        first_value(value) over week_before as week_before_value,
        first_value(value) over month_before as month_before_value,
        first_value(value) over year_before as year_before_value,
        framed
    from kpi_day
    window
        last_7 as (partition by series order by day_number range between 6 preceding and current row),
        last_28 as (partition by series order by day_number range between 27 preceding and current row),
        week_before as (partition by series order by day_number range between 7 preceding and 7 preceding),
        month_before as (partition by series order by day_number range between 28 preceding and 28 preceding),
        year_before as (partition by series order by day_number range between 364 preceding and 364 preceding)
),

changed_day as (
    select
        series,
        day,
        day_number,
        value,
        case when values_7 >= 4 then cast(sum_7 as double) / values_7 end as mean_7,
        case when values_28 >= 14 then cast(sum_28 as double) / values_28 end as mean_28,
        (value - week_before_value) / nullif(abs(week_before_value), 0) as change_week,
        (value - month_before_value) / nullif(abs(month_before_value), 0) as change_month,
        (value - year_before_value) / nullif(abs(year_before_value), 0) as change_year,
        -- slope = (n sum(xy) - sum(x) sum(y)) / (n sum(xx) - sum(x)^2), exact up to the division
        case
            when values_28 >= 14 then
                cast(cast(values_28 as decimal(3, 0)) * product_sum_28 - cast(day_sum_28 as decimal(8, 0)) * sum_28 as double)
                / cast(values_28 * day_square_sum_28 - day_sum_28 * day_sum_28 as double)
        end as slope_28
    from framed_day
    where framed
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
