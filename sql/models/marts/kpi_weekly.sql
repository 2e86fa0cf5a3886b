-- relation: marts.kpi_weekly
-- purpose: One value of every KPI for each ISO week, Monday to Sunday, that has a daily value.
-- grain: business_id, kpi_id, week_start
-- inputs: marts.kpi_daily, staging.kpi
-- built: window week_start by month lookahead 6 days
-- owner: warehouse
-- columns:
--   business_id varchar - the business
--   kpi_id varchar - the KPI
--   week_start date local-day the week's Monday
--   week_end date local-day the week's Sunday
--   iso_year integer year the ISO year that the week belongs to: that of its Thursday
--   iso_week integer week the week's number in it, 1 to 53
--   value double kpi-unit the days of the week by the KPI's aggregation; a mean weighs each point alike
--   value_converted double business-currency the same from the days' converted values; null when one of the days has none
--   currency varchar ISO-4217 currency of the value, null unless it is money
--   converted_currency varchar ISO-4217 the business's currency, null unless the value is money
--   days bigint days how many days of the week have a value
--   points bigint points how many points they have
--   complete boolean - true when all seven days have a value and every hour of theirs
with
kpi_day as (
    select
        business_id,
        kpi_id,
        day,
        value,
        points,
        complete,
        currency,
        value_converted,
        converted_currency
    from marts.kpi_daily
),

kpi as (
    select
        business_id,
        kpi_id,
        aggregation
    from staging.kpi
),

-- What each day adds to a sum and to a mean over points. Decimals of nine places add up alike in any
-- order, values that are too great for them are added as they are.
week_day as (
    select
        business_id,
        kpi_id,
        cast(date_trunc('week', day) as date) as week_start,
        day,
        value,
        points,
        complete,
        currency,
        value_converted,
        converted_currency,
        try_cast(value as decimal(28, 9)) as exact_value,
        try_cast(value_converted as decimal(28, 9)) as exact_converted,
        try_cast(value * points as decimal(28, 9)) as exact_weighted,
        try_cast(value_converted * points as decimal(28, 9)) as exact_weighted_converted
    from kpi_day
),

week_total as (
    select
        business_id,
        kpi_id,
        week_start,
        currency,
        converted_currency,
        count(*) as days,
        sum(points) as points,
        min(case when complete then 1 else 0 end) as all_complete,
        count(value_converted) as days_converted,
        case when count(exact_value) = count(value) then cast(sum(exact_value) as double) else sum(value) end as total,
        case when count(exact_converted) = count(value_converted) then cast(sum(exact_converted) as double) else sum(value_converted) end as total_converted,
        case when count(exact_weighted) = count(value) then cast(sum(exact_weighted) as double) else sum(value * points) end as weighted,
        case when count(exact_weighted_converted) = count(value_converted) then cast(sum(exact_weighted_converted) as double) else sum(value_converted * points) end as weighted_converted,
        max_by(value, day) as last_value,
        max_by(value_converted, day) as last_converted,
        min(value) as lowest,
        min(value_converted) as lowest_converted,
        max(value) as highest,
        max(value_converted) as highest_converted
    from week_day
    group by
        business_id,
        kpi_id,
        week_start,
        currency,
        converted_currency
)

-- A part of the week's days converted would look like a smaller total: without all of them there is none.
select
    week_total.business_id,
    week_total.kpi_id,
    week_total.week_start,
    cast(week_total.week_start + interval '6' day as date) as week_end,
    cast(extract(year from week_total.week_start + interval '3' day) as integer) as iso_year,
    cast(extract(week from week_total.week_start) as integer) as iso_week,
    case kpi.aggregation
        when 'sum' then week_total.total
        when 'mean' then week_total.weighted / week_total.points
        when 'last' then week_total.last_value
        when 'min' then week_total.lowest
        when 'max' then week_total.highest
    end as value,
    case
        when week_total.days_converted < week_total.days then null
        when kpi.aggregation = 'sum' then week_total.total_converted
        when kpi.aggregation = 'mean' then week_total.weighted_converted / week_total.points
        when kpi.aggregation = 'last' then week_total.last_converted
        when kpi.aggregation = 'min' then week_total.lowest_converted
        when kpi.aggregation = 'max' then week_total.highest_converted
    end as value_converted,
    week_total.currency,
    week_total.converted_currency,
    week_total.days,
    cast(week_total.points as bigint) as points,
    week_total.days = 7 and week_total.all_complete = 1 as complete
from week_total
inner join kpi
    on week_total.business_id = kpi.business_id
    and week_total.kpi_id = kpi.kpi_id
