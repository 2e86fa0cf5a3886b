-- relation: anomalies.kpi_seasonal_scores
-- purpose: Days and hours whose KPI value is far from what the same weekday or hour of the last thirteen weeks leads to expect.
--   A day or hour that is not listed was ordinary, or had too little past to be judged. Of hours, anomalies are made of this alone; of days
--   it is joined with marts.kpi_anomaly_scores.
-- grain: business_id, kpi_id, grain, starts_at
-- inputs: marts.kpi_daily, marts.kpi_hourly, run.window
-- built: window day by month lookback 182 days
-- owner: warehouse
-- columns:
--   business_id varchar - the business
--   kpi_id varchar - the KPI
--   grain varchar - what is judged: day or hour; an hourly KPI has both
--   starts_at timestamptz UTC when the day or hour begins
--   day date local-day the business's day
--   hour integer local-hour 0 to 23, null for days
--   value double kpi-unit the value judged
--   expected double kpi-unit median of the past values that it is held against
--   lower double kpi-unit lower end of what is ordinary; not below zero unless a past value was
--   upper double kpi-unit upper end of what is ordinary
--   deviation double kpi-unit value less expected
--   robust_score double - 0.6745 deviation / MAD, deviation in robust standard deviations: at most -3.5 or at least 3.5
--   direction varchar - above or below
--   severity varchar - minor from 3.5, major from 5, critical from 8
--   method varchar - seasonal (same weekday, same hour) or intermittent (sizes of the values that are not zero)
--   past_values bigint values how many past values it was held against, at least 5
with
kpi_day as (
    select
        business_id,
        kpi_id,
        starts_at,
        day,
        value,
        coverage
    from marts.kpi_daily
),

kpi_hour as (
    select
        business_id,
        kpi_id,
        starts_at,
        day,
        hour,
        value
    from marts.kpi_hourly
),

output_window as (
    select window_start
    from run.window
),

window_day as (
    select date_diff('day', date '2000-01-01', coalesce(window_start, date '0001-01-01')) as first_day_number
    from output_window
),

-- Numbers sort and join faster than names.
series as (
    select
        business_id,
        kpi_id,
        row_number() over (order by business_id, kpi_id) as series
    from (
        select
            business_id,
            kpi_id
        from kpi_day

        union

        select
            business_id,
            kpi_id
        from kpi_hour
    ) as named
),

-- A day that lacks many of its hours, today above all, would read as a fall: it is neither judged nor held against
-- others. The clock names the hour of the day, -1 the whole day.
observed as (
    select
        series.series,
        -1 as clock,
        kpi_day.starts_at,
        cast(date_diff('day', date '2000-01-01', kpi_day.day) as integer) as day_number,
        kpi_day.value
    from kpi_day
    inner join series
        on kpi_day.business_id = series.business_id
        and kpi_day.kpi_id = series.kpi_id
    where kpi_day.coverage >= 0.9

    union all

    select
        series.series,
        kpi_hour.hour as clock,
        kpi_hour.starts_at,
        cast(date_diff('day', date '2000-01-01', kpi_hour.day) as integer) as day_number,
        kpi_hour.value
    from kpi_hour
    inner join series
        on kpi_hour.business_id = series.business_id
        and kpi_hour.kpi_id = series.kpi_id
),

-- What a value should be: the median of the same weekday, and hour, in the 91 days before. The frame ends the day
-- before: nothing later decides. (Trino: approx_percentile(value, 0.5).)
expected_value as (
    select
        series,
        clock,
        starts_at,
        day_number,
        value,
        count(value) over season as past_values,
        median(value) over season as expected
    from observed
    window season as (
        partition by series, clock, day_number % 7
        order by day_number
        range between 91 preceding and 1 preceding
    )
),

-- Earlier days than 91 before the window are held against none of its rows.
deviating as (
    select
        expected_value.series,
        expected_value.clock,
        expected_value.starts_at,
        expected_value.day_number,
        expected_value.value,
        expected_value.past_values,
        expected_value.expected,
        case when expected_value.past_values >= 5 then abs(expected_value.value - expected_value.expected) end as deviation,
        expected_value.day_number >= window_day.first_day_number as judged
    from expected_value
    cross join window_day
    where expected_value.day_number >= window_day.first_day_number - 91
),

-- How far values of all weekdays lay from their own expectation in the 91 days before. Thirteen values of one weekday
-- alone give so rough a spread that of normal noise one value in 40 passes the threshold, with this it is one in 1,000.
-- The level and the share of zeros tell what kind of KPI it is.
spread as (
    select
        series,
        clock,
        starts_at,
        day_number,
        value,
        past_values,
        expected,
        count(deviation) over recent as past_deviations,
        median(deviation) over recent as usual_deviation,
        avg(case when value = 0 then 1.0 else 0.0 end) over recent as zero_share,
        avg(try_cast(abs(value) as decimal(28, 9))) over recent as level,
        judged
    from deviating
    window recent as (
        partition by series, clock
        order by day_number
        range between 91 preceding and 1 preceding
    )
),

-- No scale falls below 2 % of the level: a KPI that hardly moves is not anomalous by moving a little. What passes the
-- threshold of this scale is a candidate, what is left to compute can only widen it.
candidate as (
    select
        series,
        clock,
        starts_at,
        day_number,
        value,
        past_values,
        expected,
        usual_deviation,
        greatest(usual_deviation / 0.6745, 0.02 * cast(level as double)) as scale
    from spread
    where judged
        and past_values >= 5
        and past_deviations >= 5
        and zero_share <= 0.5
        and abs(value - expected) >= 3.5 * greatest(usual_deviation / 0.6745, 0.02 * cast(level as double))
),

-- The weekday's own median absolute deviation, for weekdays that vary more than others, and the deviation that one day
-- in twenty exceeds. (Trino: approx_percentile for both.)
candidate_spread as (
    select
        candidate.series,
        candidate.clock,
        candidate.starts_at,
        candidate.day_number,
        candidate.value,
        candidate.past_values,
        candidate.expected,
        candidate.usual_deviation,
        candidate.scale,
        median(case when past.day_number % 7 = candidate.day_number % 7 then abs(past.value - candidate.expected) end) as mad,
        quantile_disc(past.deviation, 0.95) as great_deviation,
        min(past.value) as lowest
    from candidate
    inner join deviating as past
        on candidate.series = past.series
        and candidate.clock = past.clock
        and past.day_number between candidate.day_number - 91 and candidate.day_number - 1
    group by
        candidate.series,
        candidate.clock,
        candidate.starts_at,
        candidate.day_number,
        candidate.value,
        candidate.past_values,
        candidate.expected,
        candidate.usual_deviation,
        candidate.scale
),

-- Where more than half of the deviations are zero, half of the great deviation stands in: a count that is nearly always 1
-- is not anomalous at 2 when it is 2 now and then.
seasonal as (
    select
        series,
        clock,
        starts_at,
        day_number,
        value,
        'seasonal' as method,
        past_values,
        expected,
        greatest(
            scale,
            mad / 0.6745,
            case when usual_deviation = 0 then great_deviation / 2.0 else 0.0 end
        ) as scale,
        lowest
    from candidate_spread
),

-- Where most values are zero, each of the others would stand out. Whether such a KPI is zero is not judged, only the
-- size of the values that are not: against the other sizes of the 91 days before.
intermittent_series as (
    select distinct
        series,
        clock
    from spread
    where judged
        and zero_share > 0.5
),

sized as (
    select
        spread.series,
        spread.clock,
        spread.starts_at,
        spread.day_number,
        spread.value,
        spread.zero_share,
        spread.judged,
        count(spread.value) over sizes as past_values,
        median(spread.value) over sizes as expected
    from spread
    inner join intermittent_series
        on spread.series = intermittent_series.series
        and spread.clock = intermittent_series.clock
    where spread.value <> 0
    window sizes as (
        partition by spread.series, spread.clock
        order by spread.day_number
        range between 91 preceding and 1 preceding
    )
),

intermittent as (
    select
        sized.series,
        sized.clock,
        sized.starts_at,
        sized.day_number,
        sized.value,
        'intermittent' as method,
        sized.past_values,
        sized.expected,
        greatest(
            case
                when median(abs(observed.value - sized.expected)) > 0 then median(abs(observed.value - sized.expected)) / 0.6745
                else quantile_disc(abs(observed.value - sized.expected), 0.95) / 2.0
            end,
            0.02 * abs(sized.expected)
        ) as scale,
        min(observed.value) as lowest
    from sized
    inner join observed
        on sized.series = observed.series
        and sized.clock = observed.clock
        and observed.day_number between sized.day_number - 91 and sized.day_number - 1
    where sized.judged
        and sized.past_values >= 5
        and sized.zero_share > 0.5
        and observed.value <> 0
    group by
        sized.series,
        sized.clock,
        sized.starts_at,
        sized.day_number,
        sized.value,
        sized.past_values,
        sized.expected
),

judged as (
    select
        series,
        clock,
        starts_at,
        day_number,
        value,
        method,
        past_values,
        expected,
        scale,
        lowest,
        (value - expected) / nullif(scale, 0) as robust_score
    from seasonal

    union all

    select
        series,
        clock,
        starts_at,
        day_number,
        value,
        method,
        past_values,
        expected,
        scale,
        lowest,
        (value - expected) / nullif(scale, 0) as robust_score
    from intermittent
)

-- 3.5 is the threshold that Iglewicz and Hoaglin advise (How to Detect and Handle Outliers, 1993, section 3).
select
    series.business_id,
    series.kpi_id,
    case when judged.clock < 0 then 'day' else 'hour' end as grain,
    judged.starts_at,
    cast(date '2000-01-01' + judged.day_number * interval '1' day as date) as day,
    cast(nullif(judged.clock, -1) as integer) as hour,
    judged.value,
    judged.expected,
    case
        when judged.lowest >= 0 then greatest(judged.expected - 3.5 * judged.scale, 0.0)
        else judged.expected - 3.5 * judged.scale
    end as lower,
    judged.expected + 3.5 * judged.scale as upper,
    judged.value - judged.expected as deviation,
    judged.robust_score,
    case when judged.robust_score > 0 then 'above' else 'below' end as direction,
    case
        when abs(judged.robust_score) >= 8 then 'critical'
        when abs(judged.robust_score) >= 5 then 'major'
        else 'minor'
    end as severity,
    judged.method,
    judged.past_values
from judged
inner join series
    on judged.series = series.series
where abs(judged.robust_score) >= 3.5
