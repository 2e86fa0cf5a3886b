-- relation: checks.news_sentiment_range
-- purpose: Tones of articles that lie outside -1 to 1.
-- grain: business_id, url
-- inputs: marts.news_sentiment
-- built: window seen_at by month
-- owner: warehouse
-- columns:
--   business_id varchar - the business
--   url varchar - the article
--   seen_at timestamptz UTC when it was first seen
--   score double - its tone
with
sentiment as (
    select
        business_id,
        url,
        seen_at,
        score
    from marts.news_sentiment
)

select
    business_id,
    url,
    seen_at,
    score
from sentiment
where score not between -1 and 1
