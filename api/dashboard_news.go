package api

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/signalcraft/signalcraft/api/store"
)

// newsWindow is the window when none is asked for.
const newsWindow = 30 * 24 * time.Hour

type newsInput struct {
	WindowInput
	Limit int `query:"limit" doc:"Articles on one page" minimum:"1" maximum:"500" default:"50" example:"50"`
}

type newsOutput struct {
	Body newsAnswer
}

type newsAnswer struct {
	PublishedAnswer
	Articles   []newsArticle `json:"articles" nullable:"false" doc:"Articles, newest first"`
	Days       []newsDay     `json:"days" nullable:"false" doc:"Tone of the whole window by day; on the first page only" maxItems:"3660"`
	NextCursor *string       `json:"next_cursor" doc:"Cursor of the next page; null on the last" example:"eyJzIjoi"`
}

type newsArticle struct {
	URL           string    `json:"url" doc:"Where the article stands; from elsewhere, so treat it as untrusted" example:"https://news.example/harbour"`
	Title         *string   `json:"title" doc:"Its title; null when it has none" example:"Harbour front to close for a week"`
	Domain        *string   `json:"domain" doc:"Site it was seen on" example:"news.example"`
	Language      *string   `json:"language" doc:"Language as the source names it" example:"English"`
	SourceCountry *string   `json:"source_country" doc:"Country of the site as the source names it" example:"Germany"`
	SeenAt        time.Time `json:"seen_at" doc:"When it was first seen" example:"2026-03-30T14:15:00Z"`
	IsCopy        bool      `json:"is_copy" doc:"Whether the same title was seen earlier that day" example:"false"`
	Score         *float64  `json:"score" doc:"Tone from -1 to 1; null when its language is not scored" example:"-0.4"`
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
	SeenAt time.Time `json:"s"`
	URL    string    `json:"u"`
}

func (s *service) registerNews() {
	register(s, huma.Operation{
		OperationID: "getDashboardNews", Method: http.MethodGet, Path: "/dashboard/news/{id}", Tags: []string{"dashboard"},
		Summary:     "News about a business",
		Description: "Articles that mention what the business watches, newest first, and the tone of each day. Without from and to: the last 30 days.",
	}, s.news)
}

func (s *service) news(ctx context.Context, in *newsInput) (*newsOutput, error) {
	after, err := decodeCursor[articleKey](ctx, in.Cursor)
	if err != nil {
		return nil, err
	}
	if after != nil && (strings.ContainsRune(after.URL, 0) || after.SeenAt.Year() < 1) {
		return nil, invalid(ctx, "query", "cursor", "not a cursor of this list") // nothing that Postgres could hold
	}
	out := &newsOutput{}
	var articles []store.Article
	var days []store.NewsDay
	err = s.read(ctx, &in.WindowInput, "news_articles", func(ctx context.Context, q *store.MemberTx, p store.Publication) error {
		w, err := in.window(ctx, p.LocalDay.AddDate(0, 0, 1), newsWindow)
		if err != nil {
			return err
		}
		out.Body.PublishedAnswer = s.published(p, w)
		ask := store.ArticleQuery{From: w.from, To: w.to, Most: in.Limit + 1}
		if after != nil {
			ask.AfterSeen, ask.AfterURL = &after.SeenAt, after.URL
		}
		if articles, err = q.Articles(ctx, ask); err != nil || after != nil {
			return err
		}
		days, err = q.NewsDays(ctx, w.from, w.to)
		return err
	})
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	page, next, err := cut(articles, in.Limit, func(a store.Article) articleKey { return articleKey{a.SeenAt, a.URL} })
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	out.Body.NextCursor, out.Body.Articles, out.Body.Days = next, newsArticles(page), newsDays(days)
	return out, nil
}

func newsArticles(articles []store.Article) []newsArticle {
	list := make([]newsArticle, len(articles))
	for i, a := range articles {
		list[i] = newsArticle{URL: a.URL, Title: a.Title, Domain: a.Domain, Language: a.Language,
			SourceCountry: a.SourceCountry, SeenAt: a.SeenAt, IsCopy: a.IsCopy, Score: finite(a.Score)}
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
