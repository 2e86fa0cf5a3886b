-- relation: anomalies.kpi_anomalies
-- purpose: Days and hours on which a KPI was out of the ordinary, told by two layers together: the forecasting model's judgement of days and the
--   seasonal scores of days and hours. What is not listed was ordinary, too small to matter, known beforehand, or could not be judged.
-- grain: business_id, kpi_id, grain, starts_at
-- inputs: marts.kpi_anomaly_scores, anomalies.kpi_seasonal_scores, marts.kpi, marts.calendar_day
-- built: window day by month lookback 7 days
-- owner: warehouse
-- columns:
--   business_id varchar - the business
--   kpi_id varchar - the KPI
--   grain varchar - what is judged: day or hour; an hourly KPI has both
--   starts_at timestamptz UTC when the day or hour begins
--   day date local-day the business's day
--   hour integer local-hour 0 to 23, null for days
--   kind varchar - spike, dip, level_shift, flat_line, missing or volatility
--   value double kpi-unit the value judged; null when it is missing
--   expected double kpi-unit what was to be expected
--   lower double kpi-unit lower end of what is ordinary
--   upper double kpi-unit upper end of what is ordinary
--   deviation double kpi-unit value less expected; null when the value is missing
--   score double - how far out of the ordinary, 0 to 1: 1 - p^(1/10) with p the chance of such a value; of two layers the geometric mean of their p
--   robust_score double - deviation in robust standard deviations by the seasonal layer: at most -3.5 or at least 3.5; null where that saw nothing
--   direction varchar - above or below what was to be expected; a missing value is below
--   severity varchar - minor, major when ten times less likely than the alarms that are expected, critical when a hundred times; of the seasonal layer alone from 3.5, 5 and 8
--   is_ongoing boolean - true on the days after an anomaly began, as long as it goes on or follows within a week; such days are shown and not told again
--   method varchar - what the expectation rests on
--   past_values bigint values how many past values it rests on
with
score as (
    select
        business_id,
        kpi_id,
        day,
        starts_at,
        value,
        expected,
        lower,
        upper,
        score,
        threshold,
        kind,
        severity,
        alarm,
        ongoing,
        large,
        method,
        past_values
    from marts.kpi_anomaly_scores
),

seasonal as (
    select
        business_id,
        kpi_id,
        grain,
        starts_at,
        day,
        hour,
        value,
        expected,
        lower,
        upper,
        deviation,
        robust_score,
        direction,
        severity,
        method,
        past_values
    from anomalies.kpi_seasonal_scores
),

kpi as (
    select
        business_id,
        kpi_id,
        expected_alarms,
        least_share,
        least_deviation
    from marts.kpi
),

calendar_day as (
    select
        business_id,
        kpi_id,
        day,
        kind
    from marts.calendar_day
),

-- The seasonal layer knows nothing of holidays, and of what a business says of its days: it is not asked on those, nor on the day after an
-- incident, when values come back.
known_day as (
    select
        business_id,
        coalesce(kpi_id, '') as kpi_id,
        day
    from calendar_day

    union

    select
        business_id,
        coalesce(kpi_id, '') as kpi_id,
        cast(day + interval '1' day as date) as day
    from calendar_day
    where kind = 'incident'
),

-- Of normal noise one value in a thousand has 3.5 robust standard deviations. Beyond, the chance falls with their fourth power, as in Student's
-- distribution with four degrees of freedom: real values have such tails, not normal ones. 0.001^(1/10) = 0.501.
seasonal_chance as (
    select
        seasonal.business_id,
        seasonal.kpi_id,
        seasonal.grain,
        seasonal.starts_at,
        seasonal.day,
        seasonal.hour,
        seasonal.value,
        seasonal.expected,
        seasonal.lower,
        seasonal.upper,
        seasonal.deviation,
        1 - 0.5011872336272722 * power(3.5 / abs(seasonal.robust_score), 0.4) as score,
        0.001 * power(3.5 / abs(seasonal.robust_score), 4) as chance,
        seasonal.robust_score,
        seasonal.direction,
        seasonal.severity,
        seasonal.method,
        seasonal.past_values,
        kpi.expected_alarms,
        abs(seasonal.deviation) >= greatest(
            kpi.least_share * abs(seasonal.expected),
            case when seasonal.grain = 'day' then kpi.least_deviation else 0.0 end
        ) as large,
        business_day.day is not null or kpi_day.day is not null as known
    from seasonal
    inner join kpi
        on seasonal.business_id = kpi.business_id
        and seasonal.kpi_id = kpi.kpi_id
    left join known_day as business_day
        on seasonal.business_id = business_day.business_id
        and seasonal.day = business_day.day
        and business_day.kpi_id = ''
    left join known_day as kpi_day
        on seasonal.business_id = kpi_day.business_id
        and seasonal.day = kpi_day.day
        and seasonal.kpi_id = kpi_day.kpi_id
),

-- A day that both layers saw. Where they disagree on the side, the seasonal one is not heard.
joined_day as (
    select
        score.business_id,
        score.kpi_id,
        coalesce(seasonal_chance.starts_at, score.starts_at) as starts_at,
        score.day,
        score.kind,
        score.value,
        score.expected,
        score.lower,
        score.upper,
        case
            when seasonal_chance.score is null then score.score
            else 1 - sqrt((1 - score.score) * (1 - seasonal_chance.score))
        end as score,
        score.threshold,
        seasonal_chance.robust_score,
        case when score.value is null or score.value < score.expected then 'below' else 'above' end as direction,
        score.severity,
        score.alarm,
        score.ongoing,
        score.large and seasonal_chance.score is not null and score.kind in ('spike', 'dip') as supported,
        score.method,
        score.past_values
    from score
    left join seasonal_chance
        on score.business_id = seasonal_chance.business_id
        and score.kpi_id = seasonal_chance.kpi_id
        and score.day = seasonal_chance.day
        and seasonal_chance.grain = 'day'
        and not seasonal_chance.known
        and (seasonal_chance.direction = 'below') = (score.value < score.expected)
    where score.alarm
        or score.ongoing
        or seasonal_chance.score is not null
),

-- What the model calls an anomaly is one, and so is a day that it calls almost one, when the seasonal layer brings the two together past the
-- threshold. Each tenfold below the threshold's chance is one severity more.
listed_day as (
    select
        business_id,
        kpi_id,
        starts_at,
        day,
        kind,
        value,
        expected,
        lower,
        upper,
        score,
        robust_score,
        direction,
        case
            when severity is not null then severity
            when power(1 - score, 10) <= power(1 - threshold, 10) / 100 then 'critical'
            when power(1 - score, 10) <= power(1 - threshold, 10) / 10 then 'major'
            else 'minor'
        end as severity,
        alarm,
        ongoing,
        method,
        past_values
    from joined_day
    where alarm
        or ongoing
        or (supported and score >= threshold)

    union all

    -- Days that the model could not judge are left to the seasonal layer, as loud as the setting allows.
    select
        seasonal_chance.business_id,
        seasonal_chance.kpi_id,
        seasonal_chance.starts_at,
        seasonal_chance.day,
        case when seasonal_chance.direction = 'below' then 'dip' else 'spike' end as kind,
        seasonal_chance.value,
        seasonal_chance.expected,
        seasonal_chance.lower,
        seasonal_chance.upper,
        seasonal_chance.score,
        seasonal_chance.robust_score,
        seasonal_chance.direction,
        seasonal_chance.severity,
        false as alarm,
        false as ongoing,
        seasonal_chance.method,
        seasonal_chance.past_values
    from seasonal_chance
    where seasonal_chance.grain = 'day'
        and not seasonal_chance.known
        and seasonal_chance.large
        and seasonal_chance.chance <= seasonal_chance.expected_alarms / 30.436875
        and not exists (
            select 1
            from score
            where score.business_id = seasonal_chance.business_id
                and score.kpi_id = seasonal_chance.kpi_id
                and score.day = seasonal_chance.day
        )
),

-- Days in a row are one anomaly: a day that only the seasonal layer brought up begins one when none was listed in the week before.
followed_day as (
    select
        business_id,
        kpi_id,
        starts_at,
        day,
        kind,
        value,
        expected,
        lower,
        upper,
        score,
        robust_score,
        direction,
        severity,
        alarm,
        ongoing,
        count(*) over (
            partition by business_id, kpi_id
            order by date_diff('day', date '2000-01-01', day)
            range between 7 preceding and 1 preceding
        ) as listed_before,
        method,
        past_values
    from listed_day
)

select
    business_id,
    kpi_id,
    'day' as grain,
    starts_at,
    day,
    cast(null as integer) as hour,
    kind,
    value,
    expected,
    lower,
    upper,
    value - expected as deviation,
    score,
    robust_score,
    direction,
    severity,
    not alarm and (ongoing or listed_before > 0) as is_ongoing,
    method,
    past_values
from followed_day

union all

-- Hours of a month are as many chances: together they may raise as many alarms as its days.
select
    business_id,
    kpi_id,
    grain,
    starts_at,
    day,
    hour,
    case when direction = 'below' then 'dip' else 'spike' end as kind,
    value,
    expected,
    lower,
    upper,
    deviation,
    score,
    robust_score,
    direction,
    severity,
    false as is_ongoing,
    method,
    past_values
from seasonal_chance
where grain = 'hour'
    and not known
    and large
    and chance <= expected_alarms / (24 * 30.436875)
