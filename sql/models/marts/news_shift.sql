-- relation: marts.news_shift
-- purpose: Days on which much more was written about a business than in the four weeks before, or in another tone.
-- grain: business_id, day, measure
-- inputs: marts.news_daily
-- built: window day by month lookback 90 days
-- owner: warehouse
-- columns:
--   business_id varchar - the business
--   day date local-day the day
--   measure varchar - volume or tone
--   value double stories stories of the day; of tone their mean, -1 to 1
--   usual double stories stories a day, or their mean tone, in the 28 days before
--   strength double - 0 to 1: of volume 1 - (usual + 1) / (value + 1), of tone twice the distance
with
news_daily as (
    select
        business_id,
        day,
        stories,
        scored,
        mean_score
    from marts.news_daily
),

news_day as (
    select
        business_id,
        day,
        cast(date_diff('day', date '2000-01-01', day) as integer) as day_number,
        stories,
        scored,
        cast(mean_score as decimal(18, 9)) as score
    from news_daily
),

-- Days without an article have no row and count as none.
compared as (
    select
        business_id,
        day,
        stories,
        scored,
        cast(score as double) as score,
        cast(coalesce(sum(stories) over before, 0) as double) / 28 as usual_stories,
        coalesce(sum(scored) over before, 0) as scored_before,
        cast(sum(score * scored) over before as double) as score_sum_before,
        count(*) over quarter as days_before
    from news_day
    window
        before as (partition by business_id order by day_number range between 28 preceding and 1 preceding),
        quarter as (partition by business_id order by day_number range between 90 preceding and 1 preceding)
)

-- The first news there ever are of a business are no shift.
select
    business_id,
    day,
    'volume' as measure,
    cast(stories as double) as value,
    usual_stories as usual,
    1 - (usual_stories + 1) / (stories + 1) as strength
from compared
where days_before > 0
    and stories >= 4
    and stories >= 3 + 2 * usual_stories

union all

-- Three stories of a day and ten before are the least whose mean says something.
select
    business_id,
    day,
    'tone' as measure,
    score as value,
    score_sum_before / scored_before as usual,
    least(1.0, 2 * abs(score - score_sum_before / scored_before)) as strength
from compared
where scored >= 3
    and scored_before >= 10
    and abs(score - score_sum_before / scored_before) >= 0.25
