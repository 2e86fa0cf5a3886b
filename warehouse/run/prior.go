package run

import (
	"context"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/signalcraft/signalcraft/lakehouse/dataset"
	"github.com/signalcraft/signalcraft/models/forecast"
	"github.com/signalcraft/signalcraft/models/series"
)

// readPrior returns the methods chosen in the vintages of the last weeks and, when some are to be compared with others again, what they
// published.
func readPrior(ctx context.Context, in Tables, p Params, history *series.Batch) (*forecast.Prior, error) {
	prior := forecast.NewPrior(history)
	err := scanEach(ctx, in, inputPrevious, func(batch arrow.RecordBatch) error { return recall(prior, batch) })
	if err == nil && prior.Expired(dataset.ToDays(p.Window.Start), reselectDays) {
		err = scanEach(ctx, in, inputPublished, func(batch arrow.RecordBatch) error { return recallPublished(prior, batch) })
	}
	return prior, err
}

func recall(prior *forecast.Prior, batch arrow.RecordBatch) error {
	businesses, err := texts(batch, 0)
	if err != nil {
		return err
	}
	kpis, err := texts(batch, 1)
	if err != nil {
		return err
	}
	methods, err := texts(batch, 2)
	if err != nil {
		return err
	}
	errors, err := floats(batch, 3)
	if err != nil {
		return err
	}
	chosen, err := days(batch, 4)
	if err != nil {
		return err
	}
	for i := range businesses {
		prior.Set(businesses[i], kpis[i], methods[i], errors[i], chosen[i])
	}
	return nil
}

func recallPublished(prior *forecast.Prior, batch arrow.RecordBatch) error {
	var names [3][]string
	for c := range names {
		var err error
		if names[c], err = texts(batch, c); err != nil {
			return err
		}
	}
	dates, err := days(batch, 3)
	if err != nil {
		return err
	}
	horizons, err := integers(batch, 4)
	if err != nil {
		return err
	}
	means, err := floats(batch, 5)
	if err != nil {
		return err
	}
	for i := range dates {
		prior.Publish(names[0][i], names[1][i], names[2][i], dates[i], horizons[i], means[i])
	}
	return nil
}
