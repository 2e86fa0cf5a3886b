package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/google/uuid"

	"github.com/signalcraft/signalcraft/lakehouse"
	"github.com/signalcraft/signalcraft/lakehouse/dataset"
	"github.com/signalcraft/signalcraft/pipelines"
	"github.com/signalcraft/signalcraft/pipelines/geonames"
	"github.com/signalcraft/signalcraft/warehouse/run"
)

// findPlaces looks up the places that have no coordinates yet.
func (b *batch) findPlaces(ctx context.Context, e *execution) (step, error) {
	missing := e.control.withoutPlace()
	if len(missing) == 0 {
		return step{Note: run.UpToDate}, nil
	}
	if b.settings.GeonamesUser == "" {
		return step{}, fmt.Errorf("%d places have no coordinates: set --geonames-user to look them up (https://www.geonames.org/login)", len(missing))
	}
	source, err := geonames.New(geonames.Config{Client: b.client, Username: b.settings.GeonamesUser})
	if err != nil {
		return step{}, err
	}
	done, err := b.land(ctx, e, source, pipelines.Input{Businesses: missing})
	return done, errors.Join(err, b.setPlaces(ctx, missing))
}

// withoutPlace returns the businesses whose place has a name but no coordinates yet.
func (c *control) withoutPlace() []dataset.BusinessRow {
	var missing []dataset.BusinessRow
	for _, b := range c.businesses {
		if strings.TrimSpace(b.Place) != "" && b.Latitude == nil {
			missing = append(missing, b)
		}
	}
	return missing
}

// setPlaces notes in the control plane what the lake holds of the businesses' places:
// only what has landed, so that a business whose place did not is looked up again.
func (b *batch) setPlaces(ctx context.Context, businesses []dataset.BusinessRow) error {
	places, err := b.landedPlaces(ctx)
	if err != nil {
		return err
	}
	for _, r := range businesses {
		place, found := places[placeKey{strings.TrimSpace(r.Place), r.Country}]
		if !found {
			continue
		}
		id, err := uuid.Parse(r.BusinessID)
		if err != nil {
			return fmt.Errorf("place of business %s: %w", r.BusinessID, err)
		}
		if _, err := b.data.SetPlace(ctx, id, r.Place, place.PlaceID, place.Latitude, place.Longitude); err != nil {
			return err
		}
	}
	return nil
}

type placeKey struct{ query, country string }

// landedPlaces returns the places in the lake, of several for one name the last that landed.
func (b *batch) landedPlaces(ctx context.Context) (map[placeKey]dataset.PlaceRow, error) {
	table := dataset.Places().Name
	places := map[placeKey]dataset.PlaceRow{}
	batches, err := b.lake.Scan(ctx, table, []string{"query", "country", "place_id", "latitude", "longitude", "landed_at"}, lakehouse.ReadOptions{})
	if errors.Is(err, lakehouse.ErrNoTable) {
		return places, nil
	}
	if err != nil {
		return nil, err
	}
	for batch, err := range batches {
		if err != nil {
			return nil, err
		}
		if err := addPlaces(places, batch); err != nil {
			return nil, fmt.Errorf("read %s: %w", table, err)
		}
	}
	return places, nil
}

func addPlaces(places map[placeKey]dataset.PlaceRow, batch arrow.RecordBatch) error {
	defer batch.Release()
	id, isID := batch.Column(2).(*array.Int64)
	latitude, isLatitude := batch.Column(3).(*array.Float64)
	longitude, isLongitude := batch.Column(4).(*array.Float64)
	landed, isLanded := batch.Column(5).(*array.Timestamp)
	if !isID || !isLatitude || !isLongitude || !isLanded {
		return fmt.Errorf("columns are of other types: %s", batch.Schema())
	}
	for i := range int(batch.NumRows()) {
		key := placeKey{batch.Column(0).ValueStr(i), batch.Column(1).ValueStr(i)}
		row := dataset.PlaceRow{PlaceID: id.Value(i), Latitude: latitude.Value(i), Longitude: longitude.Value(i), LandedAt: landed.Value(i).ToTime(arrow.Microsecond)}
		if known, ok := places[key]; !ok || row.LandedAt.After(known.LandedAt) {
			places[key] = row
		}
	}
	return nil
}
