-- relation: marts.fx_daily
-- purpose: What one euro costs in every currency on every calendar day: the last published rate, carried at most ten days.
-- grain: currency, day
-- inputs: staging.fx_rate
-- built: window rate_day by month lookahead 11 days
-- owner: warehouse
-- columns:
--   currency varchar ISO-4217 the currency; EUR itself stands with rate 1
--   day date calendar-day the day that the rate is used for; up to ten days after the last published one
--   rate double currency/EUR units of the currency for one euro
--   rate_day date calendar-day the day that the rate was published for, at most ten days before
--   provider varchar - who published it
with
published as (
    select
        currency,
        day,
        rate,
        provider
    from staging.fx_rate
),

published_until as (
    select
        currency,
        day as rate_day,
        rate,
        provider,
        date_diff('day', day, lead(day) over (partition by currency order by day)) as days_to_next
    from published
)

-- No market publishes on weekends and holidays: the last rate stands until the next one, and for ten days where none
-- comes. Longer silence is a fault and stays visible as missing days. A rate is never carried back. Windows are cut on
-- the rate's own day, so that a month whose rates have not begun yet still has those carried into it.
select
    published_until.currency,
    cast(published_until.rate_day + carried.days * interval '1' day as date) as day,
    published_until.rate,
    published_until.rate_day,
    published_until.provider
from published_until
cross join (values (0), (1), (2), (3), (4), (5), (6), (7), (8), (9), (10)) as carried (days)
where published_until.days_to_next is null
    or carried.days < published_until.days_to_next
