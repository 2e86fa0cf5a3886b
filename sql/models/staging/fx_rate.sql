-- relation: staging.fx_rate
-- purpose: What one euro cost in every currency on every day that a provider published, from the preferred provider.
-- grain: day, currency
-- inputs: raw.fx_rates
-- built: view
-- owner: warehouse
-- columns:
--   day date UTC-day the day that the provider states
--   currency varchar ISO-4217 the currency; EUR itself stands with rate 1
--   rate double currency/EUR units of the currency for one euro, above zero
--   provider varchar - who published it
--   landed_at timestamptz UTC when it landed
with
landed as (
    select
        day,
        upper(base) as base,
        upper(quote) as quote,
        rate,
        lower(provider) as provider,
        landed_at
    from raw.fx_rates
),

ranked as (
    select
        day,
        base,
        quote,
        rate,
        provider,
        landed_at,
        row_number() over (
            partition by day, base, quote, provider
            order by landed_at desc, rate desc
        ) as landing_rank
    from landed
    -- A rate that is not a positive number converts nothing, and its inverse would be infinite.
    where rate > 0
        and rate <= 1e15
),

-- A rate that lands again is a correction: the latest landing counts.
rates as (
    select
        day,
        base,
        quote,
        rate,
        provider,
        landed_at
    from ranked
    where landing_rank = 1
),

-- What a provider's own base costs in euro on the day: what its other rates are divided by.
base_prices as (
    select
        day,
        base,
        provider,
        rate as rate_of_euro,
        landed_at
    from rates
    where quote = 'EUR'
        and base <> 'EUR'
),

-- route 0 is stated against the euro, 1 is the inverse of such a rate, 2 is crossed through the
-- provider's base, fewer steps carry less rounding.
candidates as (
    select
        day,
        quote as currency,
        rate,
        provider,
        landed_at,
        0 as route
    from rates
    where base = 'EUR'
        and quote <> 'EUR'

    union all

    select
        day,
        base as currency,
        1.0 / rate_of_euro as rate,
        provider,
        landed_at,
        1 as route
    from base_prices

    union all

    select
        rates.day,
        rates.quote as currency,
        rates.rate / base_prices.rate_of_euro as rate,
        rates.provider,
        rates.landed_at,
        2 as route
    from rates
    inner join base_prices
        on rates.day = base_prices.day
        and rates.base = base_prices.base
        and rates.provider = base_prices.provider
    where rates.quote <> 'EUR'
),

-- Readers convert any currency by two rates: the euro has one too, on each day that anything was published.
with_euro as (
    select
        day,
        currency,
        rate,
        provider,
        landed_at,
        route
    from candidates

    union all

    select
        day,
        'EUR' as currency,
        1.0 as rate,
        provider,
        max(landed_at) as landed_at,
        0 as route
    from candidates
    group by
        day,
        provider
),

preferred as (
    select
        day,
        currency,
        rate,
        provider,
        landed_at,
        row_number() over (
            partition by day, currency
            order by
                case provider
                    when 'ecb' then 0
                    when 'frankfurter' then 1
                    when 'exchangerate-host' then 2
                    when 'exchangerate-api' then 3
                    else 4
                end,
                provider,
                route,
                landed_at desc,
                rate desc
        ) as preference
    from with_euro
)

-- Providers differ in the last digits: the European Central Bank's own figure, then its mirror, stands
-- above services that mix several sources.
select
    day,
    currency,
    rate,
    provider,
    landed_at
from preferred
where preference = 1
