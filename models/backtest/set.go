package backtest

import (
	"errors"
	"fmt"
	"io"
)

// Set is many series cut into a training and a test part. Train[i] and Test[i] belong
// to IDs[i]; every test part has Horizon values.
type Set struct {
	IDs         []string
	Train, Test [][]float64
	// Season is the season length of the measures: MASE's scale and Naive2 use it.
	Season int
	// Horizon is the number of values to forecast.
	Horizon int
}

// ReadSet reads a whole set from its two CSV streams, as Reader does.
func ReadSet(train, test io.Reader, season, horizon int) (Set, error) {
	set := Set{Season: season, Horizon: horizon}
	reader := NewReader(train, test, "training rows", "test rows", Auto, horizon)
	for {
		id, past, future, err := reader.Next()
		if errors.Is(err, io.EOF) {
			return set, nil
		}
		if err != nil {
			return Set{}, fmt.Errorf("read set: %w", err)
		}
		set.IDs, set.Train, set.Test = append(set.IDs, id), append(set.Train, past), append(set.Test, future)
	}
}
