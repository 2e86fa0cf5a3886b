-- relation: marts.news_articles
-- purpose: Every news article of a business with its local day and tone.
-- grain: business_id, url
-- inputs: staging.gdelt_article, staging.business, marts.news_sentiment
-- built: window seen_at by month lookback 3660 days
-- owner: warehouse
-- columns:
--   business_id varchar - the business
--   url varchar - its address
--   title varchar - its title, null when it has none
--   domain varchar - the site, null when unknown
--   language varchar - its language, null when unknown
--   source_country varchar - the country of the site, null when unknown
--   seen_at timestamptz UTC when it was first seen; an article that comes again within a year keeps its first time
--   day date local-day the business's day that seen_at lies in
--   query varchar - the query that found it
--   is_copy boolean - true when an article of the same title was seen for the business earlier on the same UTC day
--   score double - tone from -1 (negative) to 1 (positive), null when it was not scored
--   score_method varchar - what the tone is of: model, the title by our own model; gdelt, the whole article by GDELT; null without a tone
with
article as (
    select
        business_id,
        url,
        title,
        domain,
        language,
        source_country,
        query,
        seen_at,
        is_copy
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
        score,
        method
    from marts.news_sentiment
),

ranked_score as (
    select
        business_id,
        url,
        score,
        method,
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
        score,
        method
    from ranked_score
    where score_rank = 1
)

select
    article.business_id,
    article.url,
    article.title,
    article.domain,
    article.language,
    article.source_country,
    article.seen_at,
    cast(article.seen_at at time zone business.time_zone as date) as day,
    article.query,
    article.is_copy,
    article_score.score,
    article_score.method as score_method
from article
inner join business
    on article.business_id = business.business_id
left join article_score
    on article.business_id = article_score.business_id
    and article.url = article_score.url
