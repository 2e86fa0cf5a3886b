-- relation: anomalies.kpi_anomaly_context
-- purpose: What an anomalous day coincided with, on that day or the day before: parts of the KPI that moved with it, rare weather, holidays and
--   events, news, exchange rates. Nothing here is said to be a cause.
-- grain: business_id, kpi_id, starts_at, kind, subject
-- inputs: anomalies.kpi_anomalies, marts.kpi_anomaly_scores, marts.kpi, marts.calendar_day, marts.weather_extreme, marts.news_shift, marts.fx_move
-- built: window day by month lookback 1 day
-- owner: warehouse
-- columns:
--   business_id varchar - the business
--   kpi_id varchar - the KPI
--   starts_at timestamptz UTC when the anomalous day begins
--   day date local-day the anomalous day
--   kind varchar - part, weather, holiday, event, closed, news or exchange_rate
--   subject varchar - the part's KPI, the measure of the weather or news, the name of the holiday or event, or the currencies
--   on_day date local-day when it was: the anomalous day, the one before, or, of a holiday, the one after
--   strength double - 0 to 1: of a part its share of the deviation, of the others how rare or how near they are
--   value double - value of the part, the weather, the news or the change of the rate; null for holidays and events
--   usual double - what was to be expected, or is usual; null for holidays and events
--   text varchar - one line for people
with
anomaly as (
    select
        business_id,
        kpi_id,
        starts_at,
        day,
        deviation
    from anomalies.kpi_anomalies
    where grain = 'day'
),

score as (
    select
        business_id,
        kpi_id,
        day,
        value,
        expected
    from marts.kpi_anomaly_scores
),

kpi as (
    select
        business_id,
        kpi_id,
        name,
        unit,
        currency,
        aggregation,
        part_of,
        business_currency
    from marts.kpi
),

calendar_day as (
    select
        business_id,
        day,
        kind,
        kpi_id,
        name
    from marts.calendar_day
),

weather_extreme as (
    select
        business_id,
        day,
        measure,
        value,
        usual,
        share
    from marts.weather_extreme
),

news_shift as (
    select
        business_id,
        day,
        measure,
        value,
        usual,
        strength
    from marts.news_shift
),

fx_move as (
    select
        currency,
        quote,
        day,
        change,
        usual
    from marts.fx_move
),

-- Nearness: what was on the day itself counts in full, what was a day away half.
near_day as (
    select
        anomaly.business_id,
        anomaly.kpi_id,
        anomaly.starts_at,
        anomaly.day,
        cast(anomaly.day + distance.days * interval '1' day as date) as on_day,
        distance.days as distance,
        case when distance.days = 0 then 1.0 else 0.5 end as nearness,
        case distance.days when 0 then '' when -1 then 'The day before: ' else 'The day after: ' end as whence
    from anomaly
    cross join (values (-1), (0), (1)) as distance (days)
),

-- Only sums are the sum of their parts. A part without a value has contributed none.
part as (
    select
        anomaly.business_id,
        anomaly.kpi_id,
        anomaly.starts_at,
        anomaly.day,
        kpi.kpi_id as part_id,
        kpi.name,
        kpi.unit,
        score.value,
        score.expected,
        (coalesce(score.value, 0.0) - score.expected) / nullif(anomaly.deviation, 0) as share
    from anomaly
    inner join kpi as total
        on anomaly.business_id = total.business_id
        and anomaly.kpi_id = total.kpi_id
        and total.aggregation = 'sum'
    inner join kpi
        on anomaly.business_id = kpi.business_id
        and anomaly.kpi_id = kpi.part_of
        and kpi.aggregation = 'sum'
    inner join score
        on kpi.business_id = score.business_id
        and kpi.kpi_id = score.kpi_id
        and anomaly.day = score.day
),

found as (
    select
        business_id,
        kpi_id,
        starts_at,
        day,
        'part' as kind,
        part_id as subject,
        day as on_day,
        least(share, 1.0) as strength,
        value,
        expected as usual,
        concat(
            name,
            ': ',
            coalesce(cast(try_cast(value as decimal(28, 2)) as varchar), 'no value'),
            ' instead of ',
            coalesce(cast(try_cast(expected as decimal(28, 2)) as varchar), 'much more'),
            case when unit = '' then '' else concat(' ', unit) end,
            ', ',
            coalesce(cast(try_cast(100 * share as decimal(28, 0)) as varchar), 'many'),
            ' % of the deviation'
        ) as text
    from part
    where share >= 0.1

    union all

    select
        near_day.business_id,
        near_day.kpi_id,
        near_day.starts_at,
        near_day.day,
        calendar_day.kind,
        calendar_day.name as subject,
        near_day.on_day,
        near_day.nearness as strength,
        cast(null as double) as value,
        cast(null as double) as usual,
        concat(near_day.whence, case when calendar_day.kind = 'closed' then 'closed: ' else '' end, calendar_day.name) as text
    from near_day
    inner join calendar_day
        on near_day.business_id = calendar_day.business_id
        and near_day.on_day = calendar_day.day
        and coalesce(calendar_day.kpi_id, near_day.kpi_id) = near_day.kpi_id
        and calendar_day.kind <> 'incident'
        and (near_day.distance <= 0 or calendar_day.kind = 'holiday')

    union all

    select
        near_day.business_id,
        near_day.kpi_id,
        near_day.starts_at,
        near_day.day,
        'weather' as kind,
        weather_extreme.measure as subject,
        near_day.on_day,
        near_day.nearness * (1 - 10 * weather_extreme.share) as strength,
        weather_extreme.value,
        weather_extreme.usual,
        concat(
            near_day.whence,
            weather_extreme.measure,
            ', ',
            cast(cast(weather_extreme.value as decimal(18, 1)) as varchar),
            case weather_extreme.measure when 'rain' then ' mm' when 'snow' then ' cm' when 'wind' then ' km/h' else ' °C' end,
            ' where ',
            cast(cast(weather_extreme.usual as decimal(18, 1)) as varchar),
            ' is usual at this time of the year'
        ) as text
    from near_day
    inner join weather_extreme
        on near_day.business_id = weather_extreme.business_id
        and near_day.on_day = weather_extreme.day
        and near_day.distance <= 0

    union all

    select
        near_day.business_id,
        near_day.kpi_id,
        near_day.starts_at,
        near_day.day,
        'news' as kind,
        news_shift.measure as subject,
        near_day.on_day,
        near_day.nearness * news_shift.strength as strength,
        news_shift.value,
        news_shift.usual,
        case
            when news_shift.measure = 'volume' then concat(
                near_day.whence,
                cast(cast(news_shift.value as decimal(18, 0)) as varchar),
                ' news stories where ',
                cast(cast(news_shift.usual as decimal(18, 1)) as varchar),
                ' a day are usual'
            )
            else concat(
                near_day.whence,
                'tone of the news ',
                cast(cast(news_shift.value as decimal(18, 2)) as varchar),
                ' where ',
                cast(cast(news_shift.usual as decimal(18, 2)) as varchar),
                ' is usual'
            )
        end as text
    from near_day
    inner join news_shift
        on near_day.business_id = news_shift.business_id
        and near_day.on_day = news_shift.day
        and near_day.distance <= 0

    union all

    select
        near_day.business_id,
        near_day.kpi_id,
        near_day.starts_at,
        near_day.day,
        'exchange_rate' as kind,
        concat(fx_move.currency, '/', fx_move.quote) as subject,
        near_day.on_day,
        near_day.nearness * least(1.0, abs(fx_move.change) / nullif(6 * fx_move.usual, 0)) as strength,
        fx_move.change as value,
        fx_move.usual,
        concat(
            near_day.whence,
            fx_move.currency,
            ' in ',
            fx_move.quote,
            case when fx_move.change > 0 then ' up ' else ' down ' end,
            cast(cast(abs(100 * fx_move.change) as decimal(18, 1)) as varchar),
            ' % in a day, ',
            cast(cast(100 * fx_move.usual as decimal(18, 1)) as varchar),
            ' % is usual'
        ) as text
    from near_day
    inner join kpi
        on near_day.business_id = kpi.business_id
        and near_day.kpi_id = kpi.kpi_id
    inner join fx_move
        on kpi.business_currency = fx_move.quote
        and case when kpi.currency <> kpi.business_currency then kpi.currency else 'EUR' end = fx_move.currency
        and near_day.on_day = fx_move.day
        and near_day.distance <= 0
),

-- What lasts for days is named once, on its nearest day, and of the weather only the rarest.
ordered as (
    select
        business_id,
        kpi_id,
        starts_at,
        day,
        kind,
        subject,
        on_day,
        strength,
        value,
        usual,
        text,
        row_number() over (
            partition by business_id, kpi_id, starts_at, kind, case when kind = 'weather' then '' else subject end
            order by strength desc, on_day desc, subject
        ) as place
    from found
)

select
    business_id,
    kpi_id,
    starts_at,
    day,
    kind,
    subject,
    on_day,
    strength,
    value,
    usual,
    text
from ordered
where place = 1
