-- relation: marts.fx_move
-- purpose: Days on which an exchange rate that matters to a KPI moved at least three times as far as it usually does from one day to the next.
-- grain: currency, quote, day
-- inputs: marts.fx_daily, marts.kpi
-- built: window day by month lookback 91 days
-- owner: warehouse
-- columns:
--   currency varchar ISO-4217 the currency that is priced: that of a KPI, or EUR where the KPI is in the business's own
--   quote varchar ISO-4217 what it is priced in: the business's currency
--   day date calendar-day the day
--   rate double quote/currency price of one unit
--   change double fraction change since the day before: 0.01 is 1 % more
--   usual double fraction root mean square of such changes on the days of the 90 before on which there was one, at least 20
with
fx_day as (
    select
        currency,
        day,
        rate
    from marts.fx_daily
),

kpi as (
    select
        currency,
        business_currency
    from marts.kpi
),

pair as (
    select distinct
        case when currency is not null and currency <> business_currency then currency else 'EUR' end as currency,
        business_currency as quote
    from kpi
    where currency <> business_currency
        or business_currency <> 'EUR'
),

priced as (
    select
        pair.currency,
        pair.quote,
        quoted.day,
        cast(date_diff('day', date '2000-01-01', quoted.day) as integer) as day_number,
        quoted.rate / nullif(base.rate, 0) as rate
    from pair
    inner join fx_day as base
        on pair.currency = base.currency
    inner join fx_day as quoted
        on pair.quote = quoted.currency
        and base.day = quoted.day
),

changed as (
    select
        currency,
        quote,
        day,
        day_number,
        rate,
        rate / nullif(first_value(rate) over yesterday, 0) - 1 as change
    from priced
    window yesterday as (
        partition by currency, quote
        order by day_number
        range between 1 preceding and 1 preceding
    )
),

-- Decimals of 15 places add up alike in any order. On weekends a rate stands still: that is no quiet day.
compared as (
    select
        currency,
        quote,
        day,
        rate,
        change,
        count(nullif(change, 0)) over before as changes,
        cast(sum(cast(change * change as decimal(28, 15))) over before as double) as squares
    from changed
    window before as (
        partition by currency, quote
        order by day_number
        range between 90 preceding and 1 preceding
    )
)

-- Half a per cent is nothing that anybody would notice.
select
    currency,
    quote,
    day,
    rate,
    change,
    sqrt(squares / changes) as usual
from compared
where changes >= 20
    and abs(change) >= 0.005
    and abs(change) >= 3 * sqrt(squares / changes)
