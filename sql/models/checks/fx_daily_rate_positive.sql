-- relation: checks.fx_daily_rate_positive
-- purpose: Exchange rates that are not a positive finite number, that a later day lent, or that are older than ten days.
-- grain: currency, day
-- inputs: marts.fx_daily
-- built: window rate_day by month
-- owner: warehouse
-- columns:
--   currency varchar ISO-4217 the currency
--   day date calendar-day the day
--   rate double currency/EUR the rate
--   rate_day date calendar-day the day it was published for
with
fx_day as (
    select
        currency,
        day,
        rate,
        rate_day
    from marts.fx_daily
)

select
    currency,
    day,
    rate,
    rate_day
from fx_day
where coalesce(not (rate > 0 and rate <= 1.7976931348623157e308), true)
    or rate_day > day
    or date_diff('day', rate_day, day) > 10
