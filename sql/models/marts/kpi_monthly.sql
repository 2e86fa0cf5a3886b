-- relation: marts.kpi_monthly
-- purpose: One value of every KPI for each calendar month that has a daily value.
-- grain: business_id, kpi_id, month
-- inputs: marts.kpi_daily, staging.kpi
-- built: window month by month
-- owner: warehouse
-- columns:
--   business_id varchar - the business
--   kpi_id varchar - the KPI
--   month date local-day the month's first day
--   value double kpi-unit the days of the month by the KPI's aggregation; a mean weighs each point alike
--   value_converted double business-currency the same from the days' converted values; null when one of the days has none
--   currency varchar ISO-4217 currency of the value, null unless it is money
--   converted_currency varchar ISO-4217 the business's currency, null unless the value is money
--   days bigint days how many days of the month have a value
--   days_expected integer days how many days the month has
--   points bigint points how many points the days have
--   complete boolean - true when all days of the month have a value and every hour of theirs
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
month_day as (
    select
        business_id,
        kpi_id,
        cast(date_trunc('month', day) as date) as month,
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

month_total as (
    select
        business_id,
        kpi_id,
        month,
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
    from month_day
    group by
        business_id,
        kpi_id,
        month,
        currency,
        converted_currency
)

-- A part of the month's days converted would look like a smaller total: without all of them there is none.
select
    month_total.business_id,
    month_total.kpi_id,
    month_total.month,
    case kpi.aggregation
        when 'sum' then month_total.total
        when 'mean' then month_total.weighted / month_total.points
        when 'last' then month_total.last_value
        when 'min' then month_total.lowest
        when 'max' then month_total.highest
    end as value,
    case
        when month_total.days_converted < month_total.days then null
        when kpi.aggregation = 'sum' then month_total.total_converted
        when kpi.aggregation = 'mean' then month_total.weighted_converted / month_total.points
        when kpi.aggregation = 'last' then month_total.last_converted
        when kpi.aggregation = 'min' then month_total.lowest_converted
        when kpi.aggregation = 'max' then month_total.highest_converted
    end as value_converted,
    month_total.currency,
    month_total.converted_currency,
    month_total.days,
    cast(date_diff('day', month_total.month, month_total.month + interval '1' month) as integer) as days_expected,
    cast(month_total.points as bigint) as points,
    month_total.days = date_diff('day', month_total.month, month_total.month + interval '1' month)
        and month_total.all_complete = 1 as complete
from month_total
inner join kpi
    on month_total.business_id = kpi.business_id
    and month_total.kpi_id = kpi.kpi_id
