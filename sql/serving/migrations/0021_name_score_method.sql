-- What an article's tone is of.

-- +goose Up

-- A column without a default rewrites nothing and locks the table for an instant. Articles from before have null until
-- they are published again.
alter table serving.news_articles
  add column score_method text; -- model: of the title, by our own model; gdelt: of the whole article, by GDELT; null without a tone
