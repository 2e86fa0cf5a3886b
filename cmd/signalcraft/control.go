package main

import (
	"context"

	"github.com/google/uuid"

	"github.com/signalcraft/signalcraft/api/store"
	"github.com/signalcraft/signalcraft/lakehouse/dataset"
	"github.com/signalcraft/signalcraft/pipelines"
)

// control is the source that lands what the control plane says of businesses and KPIs,
// so that models can read it in the lake.
type control struct {
	businesses []dataset.BusinessRow
	kpis       []dataset.KPIRow
	calendar   []dataset.CalendarEntryRow
}

var _ pipelines.Source = (*control)(nil)

// readControl reads the control plane as it is now.
func readControl(ctx context.Context, s *store.Store) (*control, error) {
	businesses, err := s.Businesses(ctx)
	if err != nil {
		return nil, err
	}
	kpis, err := s.KPIs(ctx)
	if err != nil {
		return nil, err
	}
	calendar, err := s.CalendarEntries(ctx)
	if err != nil {
		return nil, err
	}
	c := &control{businesses: make([]dataset.BusinessRow, len(businesses)), kpis: make([]dataset.KPIRow, len(kpis)),
		calendar: make([]dataset.CalendarEntryRow, len(calendar))}
	for i, b := range businesses {
		c.businesses[i] = businessRow(b)
	}
	for i, k := range kpis {
		c.kpis[i] = dataset.KPIRow{BusinessID: k.BusinessID.String(), KPIID: k.ID.String(), SourceID: k.SourceID.String(), Name: k.Name,
			Unit: k.Unit, Currency: k.Currency, Aggregation: k.Aggregation, Grain: k.Grain, NonNegative: k.NonNegative,
			Lowest: k.Lowest, Highest: k.Highest, Integer: &k.Integer, PartOf: idText(k.PartOf),
			LeastDeviation: k.LeastDeviation}
	}
	for i, e := range calendar {
		c.calendar[i] = dataset.CalendarEntryRow{BusinessID: e.BusinessID.String(), EntryID: e.ID.String(), KPIID: idText(e.KPIID), Kind: e.Kind, Name: e.Name,
			FirstDay: dataset.ToDays(e.FirstDay), LastDay: dataset.ToDays(e.LastDay)}
	}
	return c, nil
}

// idText returns an id as the lake keeps it; nil stays nil.
func idText(id *uuid.UUID) *string {
	if id == nil {
		return nil
	}
	s := id.String()
	return &s
}

func businessRow(b store.Business) dataset.BusinessRow {
	row := dataset.BusinessRow{BusinessID: b.ID.String(), Name: b.Name, TimeZone: b.TimeZone, Currency: b.Currency, Country: b.Country,
		Place: b.Place, PlaceID: b.PlaceID, Latitude: b.Latitude, Longitude: b.Longitude, NewsQuery: b.NewsQuery,
		ExpectedAlarms: b.ExpectedAlarms, LeastShare: b.LeastShare}
	if b.Latitude != nil && b.Longitude != nil {
		id := dataset.LocationID(*b.Latitude, *b.Longitude)
		row.LocationID = &id
	}
	return row
}

// Name returns "control".
func (c *control) Name() string { return "control" }

// Read gives everything as one unit.
func (c *control) Read(_ context.Context, _ pipelines.Input, out func(pipelines.Batch) error) error {
	return out(pipelines.Batch{Unit: "all", RowsIn: len(c.businesses) + len(c.kpis) + len(c.calendar), Businesses: c.businesses, KPIs: c.kpis, Calendar: c.calendar})
}

// currencies returns the currencies that KPIs are kept in.
func (c *control) currencies() []string {
	var codes []string
	for _, k := range c.kpis {
		if k.Currency != nil {
			codes = append(codes, *k.Currency)
		}
	}
	return codes
}
