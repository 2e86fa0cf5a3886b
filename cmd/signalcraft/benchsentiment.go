package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"runtime"
	"strconv"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"

	"github.com/signalcraft/signalcraft/models/sentiment"
	"github.com/signalcraft/signalcraft/models/sentiment/headlines"
)

// benchSentimentCommand measures how well headlines are scored.
type benchSentimentCommand struct {
	File   string `type:"path" required:"" help:"File of texts with known tone, plain or packed by gzip."`
	Format string `enum:"vader,sentfin" required:"" help:"vader: lines of ID, rating and text divided by tabs. sentfin: CSV with the columns Title and Decisions."`
}

// Help is shown by signalcraft bench sentiment --help.
func (benchSentimentCommand) Help() string {
	return "Scores every text and compares with what people said: Pearson's r with the ratings (vader), and the share of right classes and the\n" +
		"F1 of each. A score of 0.05 or more is positive, one of -0.05 or less negative; a rating's class is that of a quarter of it. Of sentfin\n" +
		"the headlines count whose companies all have one tone. The weights that are shipped have seen those headlines, so the figure to go by is\n" +
		"that of 5 folds: each fifth is scored by weights trained on the other four.\n\n" +
		"Exit status: 0 done, 1 the file cannot be read or is of another form.\n\n" +
		"Example: signalcraft bench sentiment --file nytEditorialSnippets_GroundTruth.txt.gz --format vader"
}

// Run prints a line for each way of scoring.
func (c benchSentimentCommand) Run(ctx context.Context, std streams) error {
	results, err := measureSentiment(ctx, c.File, c.Format)
	if err != nil {
		return err
	}
	return printSentiment(std.out, results)
}

// sentimentFolds is how many parts labelled headlines are cut into.
const sentimentFolds = 5

// sentimentResult is one way of scoring and how well it did.
type sentimentResult struct {
	scorer string
	headlines.Agreement
	perSecond float64 // zero: not measured
}

// The names of the ways of scoring.
const (
	scorerFolds   = "5 folds"
	scorerShipped = "shipped"
	scorerSeen    = "shipped (has seen these)"
	scorerWords   = "word lists alone"
)

// measureSentiment reads a file and scores it in every way.
func measureSentiment(ctx context.Context, path, format string) (_ []sentimentResult, err error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	if format == "vader" {
		set, err := headlines.ReadRated(file)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		compare := func(scores []float64) headlines.Agreement { return headlines.Ratings(scores, set.Ratings) }
		return []sentimentResult{
			scoredWith(scorerShipped, sentiment.New(), set.Texts, compare),
			scoredWith(scorerWords, sentiment.NewWith(nil), set.Texts, compare),
		}, nil
	}
	set, err := headlines.ReadLabelled(file)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	compare := func(scores []float64) headlines.Agreement { return headlines.Labels(scores, set.Tones) }
	scores, err := crossValidated(ctx, set)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return []sentimentResult{
		{scorer: scorerFolds, Agreement: compare(scores)},
		scoredWith(scorerSeen, sentiment.New(), set.Titles, compare),
		scoredWith(scorerWords, sentiment.NewWith(nil), set.Titles, compare),
	}, nil
}

// crossValidated scores each fifth of the headlines by weights trained on the others.
func crossValidated(ctx context.Context, set headlines.Labelled) ([]float64, error) {
	scores := make([]float64, len(set.Titles))
	for fold := range sentimentFolds {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		var titles []string
		var tones []int
		for i, title := range set.Titles {
			if headlines.Fold(title, sentimentFolds) != fold {
				titles, tones = append(titles, title), append(tones, set.Tones[i])
			}
		}
		linear, err := sentiment.Train(titles, tones)
		if err != nil {
			return nil, fmt.Errorf("train without fold %d: %w", fold+1, err)
		}
		own, _ := sentiment.NewWith(linear).Score(set.Titles, english(len(set.Titles)))
		for i, title := range set.Titles {
			if headlines.Fold(title, sentimentFolds) == fold {
				scores[i] = own[i]
			}
		}
	}
	return scores, nil
}

// scoredWith scores texts, over and over for half a second, and compares.
func scoredWith(name string, scorer *sentiment.Scorer, texts []string, compare func([]float64) headlines.Agreement) sentimentResult {
	languages := english(len(texts))
	start, count := time.Now(), 0
	var scores []float64
	for time.Since(start) < time.Second/2 {
		scores, _ = scorer.Score(texts, languages)
		count += len(texts)
	}
	return sentimentResult{scorer: name, Agreement: compare(scores), perSecond: float64(count) / time.Since(start).Seconds()}
}

func english(n int) []string {
	column := make([]string, n)
	for i := range column {
		column[i] = "en"
	}
	return column
}

func printSentiment(out io.Writer, results []sentimentResult) error {
	t := table.NewWriter()
	t.SetStyle(table.StyleLight)
	t.AppendHeader(table.Row{"scorer", "texts", "r", "accuracy", "macro F1", "F1 negative", "F1 neutral", "F1 positive", "texts/s"})
	for _, r := range results {
		t.AppendRow(table.Row{r.scorer, r.Texts, figure(r.R, 4), figure(r.Accuracy, 4), figure(r.MacroF1, 4), figure(r.F1[0], 3), figure(r.F1[1], 3),
			figure(r.F1[2], 3), speed(r.perSecond)})
	}
	_, err := fmt.Fprintf(out, "%s\n%d cores, one used\n", t.Render(), runtime.NumCPU())
	return err
}

// figure writes a number with the digits given, and a dash for one that does not exist.
func figure(x float64, digits int) string {
	if math.IsNaN(x) {
		return "-"
	}
	return strconv.FormatFloat(x, 'f', digits, 64)
}

func speed(perSecond float64) string {
	if perSecond == 0 {
		return "-"
	}
	return strconv.FormatFloat(perSecond, 'f', 0, 64)
}
