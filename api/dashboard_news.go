package api

import (
	"context"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"

	"github.com/signalcraft/signalcraft/api/store"
)

// newsWindow is the window when none is asked for.
const newsWindow = 30 * oneDay

type newsInput struct {
	WindowInput
	Limit int `query:"limit" doc:"Articles on one page" minimum:"1" maximum:"500" default:"50" example:"50"`
}

type newsAnswer struct {
	PublishedAnswer
	Articles   []newsArticle `json:"articles" nullable:"false" doc:"Articles, newest first"`
	Days       []newsDay     `json:"days" nullable:"false" doc:"Tone of the whole window by day; on the first page only" maxItems:"3660"`
	NextCursor *string       `json:"next_cursor" doc:"Cursor of the next page; null on the last" example:"eyJkIjoi"`
}

type newsArticle struct {
	URL           string    `json:"url" doc:"Where the article stands; from elsewhere, so treat it as untrusted" example:"https://news.example/harbour"`
	Title         *string   `json:"title" doc:"Its title; null when it has none" example:"Harbour front to close for a week"`
	Domain        *string   `json:"domain" doc:"Site it was seen on" example:"news.example"`
	Language      *string   `json:"language" doc:"Language as the source names it" example:"English"`
	SourceCountry *string   `json:"source_country" doc:"Country of the site as the source names it" example:"Germany"`
	Day           string    `json:"day" doc:"Local day of the business on which it was first seen" format:"date" example:"2026-03-30"`
	SeenAt        time.Time `json:"seen_at" doc:"When it was first seen" example:"2026-03-30T14:15:00Z"`
	IsCopy        bool      `json:"is_copy" doc:"Whether the same title was seen earlier that day" example:"false"`
	Score         *float64  `json:"score" doc:"Tone from -1 to 1; null when it has none" example:"-0.4"`
	ScoreMethod   *string   `json:"score_method" doc:"What the tone is of: model, the title of an article in English by our own model; gdelt, the whole article in another language by GDELT; null without a tone" example:"model"`
}

type newsDay struct {
	Day           string   `json:"day" doc:"Local day of the business" format:"date" example:"2026-03-30"`
	Articles      int64    `json:"articles" doc:"Articles seen" minimum:"0" example:"12"`
	Stories       int64    `json:"stories" doc:"Different titles among them" minimum:"0" example:"11"`
	Scored        int64    `json:"scored" doc:"Stories that have a score" minimum:"0" example:"10"`
	MeanScore     *float64 `json:"mean_score" doc:"Mean tone of those; null when there are none" example:"0.12"`
	ShareNegative *float64 `json:"share_negative" doc:"Share of those with a negative tone, 0 to 1" example:"0.3"`
}

// articleKey is the cursor of the list of articles.
type articleKey struct {
	Day    day       `json:"d"`
	SeenAt time.Time `json:"s"`
	URL    string    `json:"u"`
}

func (s *service) registerNews() {
	registerPublished[newsAnswer](s, huma.Operation{
		OperationID: "getDashboardNews", Method: http.MethodGet, Path: "/dashboard/news/{id}", Tags: []string{"dashboard"},
		Summary:     "News about a business",
		Description: "Articles that mention what the business watches, newest first, and the tone of each day. Without from and to: the last 30 days.",
	}, s.news)
}

func (s *service) news(ctx context.Context, in *newsInput) (question, error) {
	business, err := pathID(ctx, in.ID)
	if err != nil {
		return question{}, err
	}
	after, err := decodeCursor[articleKey](ctx, in.Cursor)
	if err != nil {
		return question{}, err
	}
	ask := store.ArticleQuery{Most: in.Limit + 1}
	if after != nil {
		if !storable(after.URL) || after.SeenAt.Year() < 1 || after.SeenAt.Year() > 9999 {
			return question{}, invalid(ctx, "query", "cursor", "not a cursor of this list")
		}
		ask.After = &store.ArticleKey{Day: after.Day.Time, SeenAt: after.SeenAt, URL: after.URL}
	}
	tables := []string{"news_articles", "news_daily"}
	return question{business: business, tables: tables, asked: []any{ask, in.From, in.To}, match: in.Match,
		answer: func(ctx context.Context, t *store.MemberTx, state store.DashboardState) (any, error) {
			w, err := in.window(ctx, state.Publication("news_articles").LocalDay.AddDate(0, 0, 1), newsWindow)
			if err != nil {
				return nil, err
			}
			ask.From, ask.To = w.from, w.to
			articles, err := t.Articles(ctx, ask)
			if err != nil {
				return nil, err
			}
			var days []store.NewsDay
			if ask.After == nil {
				if days, err = t.NewsDays(ctx, w.from, w.to); err != nil {
					return nil, err
				}
			}
			page, next, err := cut(articles, in.Limit, func(a store.Article) articleKey { return articleKey{day{a.Day}, a.SeenAt, a.URL} })
			return newsAnswer{s.published(state, w, tables...), newsArticles(page), newsDays(days), next}, err
		}}, nil
}

// storable tells whether Postgres can hold a text that a cursor names.
func storable(text string) bool { return utf8.ValidString(text) && !strings.ContainsRune(text, 0) }

func newsArticles(articles []store.Article) []newsArticle {
	list := make([]newsArticle, len(articles))
	for i, a := range articles {
		list[i] = newsArticle{URL: a.URL, Title: a.Title, Domain: a.Domain, Language: a.Language,
			SourceCountry: a.SourceCountry, Day: a.Day.Format(time.DateOnly), SeenAt: a.SeenAt, IsCopy: a.IsCopy, Score: finite(a.Score), ScoreMethod: a.ScoreMethod}
	}
	return list
}

func newsDays(days []store.NewsDay) []newsDay {
	list := make([]newsDay, len(days))
	for i, d := range days {
		list[i] = newsDay{Day: d.Day.Format(time.DateOnly), Articles: d.Articles, Stories: d.Stories, Scored: d.Scored,
			MeanScore: finite(d.MeanScore), ShareNegative: finite(d.ShareNegative)}
	}
	return list
}
