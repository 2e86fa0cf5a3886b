-- relation: marts.news_daily
-- purpose: How much was written about every business on each local day that has an article, and in which tone.
-- grain: business_id, day
-- inputs: staging.gdelt_article, staging.business, marts.news_sentiment
-- built: window day by month lookback 3660 days
-- owner: warehouse
-- columns:
--   business_id varchar - the business
--   day date local-day the business's day on which the articles were first seen
--   articles bigint articles how many addresses
--   stories bigint stories how many different titles: copies of one story on many sites count once
--   scored bigint stories how many of the stories have a tone
--   mean_score double - mean tone of the scored stories, -1 to 1; null when none is scored
--   share_negative double fraction share of the scored stories with a tone of -0.05 or less; null when none is scored
with
article as (
    select
        business_id,
        url,
        title_key,
        seen_at
    from staging.gdelt_article
),

business as (
    select
        business_id,
        time_zone
    from staging.business
),

sentiment as (
    select
        business_id,
        url,
        seen_at,
        score
    from marts.news_sentiment
),

ranked_score as (
    select
        business_id,
        url,
        score,
        row_number() over (
            partition by business_id, url
            order by case when score is null then 1 else 0 end, seen_at
        ) as score_rank
    from sentiment
),

-- An article that is seen again in a later window may be scored there again: the first tone counts.
article_score as (
    select
        business_id,
        url,
        score
    from ranked_score
    where score_rank = 1
),

local_article as (
    select
        article.business_id,
        article.url,
        article.title_key,
        cast(article.seen_at at time zone business.time_zone as date) as day,
        article_score.score
    from article
    inner join business
        on article.business_id = business.business_id
    left join article_score
        on article.business_id = article_score.business_id
        and article.url = article_score.url
),

-- Agencies' stories come back from many sites on one day: they are one voice. Copies agree where the tone is that of
-- the title. Where it is that of the article they may not, and their mean counts. Decimals of nine places add up alike
-- in any order.
story as (
    select
        business_id,
        day,
        title_key,
        count(*) as articles,
        cast(cast(sum(cast(score as decimal(18, 9))) as double) / count(score) as decimal(18, 9)) as score
    from local_article
    group by
        business_id,
        day,
        title_key
),

-- A compound tone of -0.05 is where VADER (Hutto and Gilbert, 2014) begins to call a text negative.
news_day as (
    select
        business_id,
        day,
        cast(sum(articles) as bigint) as articles,
        count(*) as stories,
        count(score) as scored,
        cast(sum(score) as double) as score_sum,
        count(case when score <= -0.05 then 1 end) as negative
    from story
    group by
        business_id,
        day
)

select
    business_id,
    day,
    articles,
    stories,
    scored,
    case when scored > 0 then score_sum / scored end as mean_score,
    case when scored > 0 then cast(negative as double) / scored end as share_negative
from news_day
