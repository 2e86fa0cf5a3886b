-- relation: staging.gdelt_tone
-- purpose: The tone of every news article of a business that GDELT's own files have one of.
-- grain: business_id, url
-- inputs: raw.gdelt_tones
-- built: view
-- owner: warehouse
-- columns:
--   business_id varchar - the business whose query found it
--   url varchar - its address
--   seen_at timestamptz UTC when it was seen, to the quarter hour
--   tone double - share of words of positive tone less that of negative tone, in percent, -100 to 100
--   landed_at timestamptz UTC when it landed last
with
landed as (
    select
        business_id,
        url,
        seen_at,
        tone,
        landed_at
    from raw.gdelt_tones
),

ranked as (
    select
        business_id,
        url,
        seen_at,
        tone,
        landed_at,
        row_number() over (
            partition by business_id, url
            order by landed_at desc, seen_at desc, tone
        ) as landing_rank
    from landed
)

-- An article that its file does not hold landed without a tone, so that it is not looked for again.
select
    business_id,
    url,
    seen_at,
    tone,
    landed_at
from ranked
where landing_rank = 1
    and tone is not null
