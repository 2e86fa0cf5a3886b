-- relation: staging.gdelt_article
-- purpose: Every news article of a business once, with the time it was first seen and whether its title repeats another's.
-- grain: business_id, url
-- inputs: raw.gdelt_articles
-- built: view
-- owner: warehouse
-- columns:
--   business_id varchar - the business whose query found it
--   url varchar - its address
--   title varchar - its title as it landed last, null when it has none
--   title_key varchar - the title in lower case with single blanks: equal for copies of one story; the address when there is no title
--   domain varchar - the site, null when unknown
--   language varchar - its language, null when unknown
--   source_country varchar - the country of the site, null when unknown
--   query varchar - the query that found it last
--   seen_at timestamptz UTC when it was first seen, to the quarter hour
--   last_seen_at timestamptz UTC when it was last seen
--   first_landed_at timestamptz UTC when it landed first
--   landed_at timestamptz UTC when it landed last
--   is_copy boolean - true when an article of the same title was seen for the business earlier on the same UTC day
with
landed as (
    select
        business_id,
        url,
        title,
        domain,
        language,
        source_country,
        query,
        seen_at,
        landed_at
    from raw.gdelt_articles
),

sighting as (
    select
        business_id,
        url,
        min(seen_at) as seen_at,
        max(seen_at) as last_seen_at,
        min(landed_at) as first_landed_at
    from landed
    group by
        business_id,
        url
),

ranked as (
    select
        business_id,
        url,
        trim(title) as title,
        domain,
        language,
        source_country,
        query,
        landed_at,
        row_number() over (
            partition by business_id, url
            order by seen_at, landed_at desc, query desc, title desc, domain desc
        ) as landing_rank
    from landed
),

-- One row for an address: overlapping fetches and later sightings bring it again. The first
-- sighting dates and describes it, as it landed last: what is seen later changes nothing.
articles as (
    select
        ranked.business_id,
        ranked.url,
        nullif(ranked.title, '') as title,
        lower(regexp_replace(coalesce(nullif(ranked.title, ''), ranked.url), '\s+', ' ', 'g')) as title_key,
        nullif(ranked.domain, '') as domain,
        nullif(ranked.language, '') as language,
        nullif(ranked.source_country, '') as source_country,
        ranked.query,
        sighting.seen_at,
        sighting.last_seen_at,
        sighting.first_landed_at,
        ranked.landed_at
    from ranked
    inner join sighting
        on ranked.business_id = sighting.business_id
        and ranked.url = sighting.url
    where ranked.landing_rank = 1
)

-- Copies of a story on other sites stay, marked: the title of the earliest counts, of two seen at once the first by address.
select
    business_id,
    url,
    title,
    title_key,
    domain,
    language,
    source_country,
    query,
    seen_at,
    last_seen_at,
    first_landed_at,
    landed_at,
    row_number() over (
        partition by business_id, title_key, cast(seen_at at time zone 'UTC' as date)
        order by seen_at, url
    ) > 1 as is_copy
from articles
