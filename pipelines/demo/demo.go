// Package demo describes the three demonstration businesses and writes their KPI files.
//
// A café in Lyon, an online shop in Adelaide and a hotel in Toronto lie in three
// currencies and time zones, all with daylight saving and one of them half an hour off.
// Their KPIs show what real ones do: weekly and yearly seasons, growth, public events,
// a currency that is not the business's own, an hourly series, gaps, many zeros, a late
// start, and a few broken lines that belong in quarantine. Everything is computed from
// a fixed seed, so that every demonstration holds the same numbers.
package demo

import (
	"time"

	"github.com/signalcraft/signalcraft/lakehouse/dataset"
	"github.com/signalcraft/signalcraft/pipelines/kpi"
)

// AsOf returns the instant that the demonstration's batch runs as of.
func AsOf() time.Time { return time.Date(2026, 10, 31, 18, 0, 0, 0, time.UTC) }

// History returns the first day of the KPIs' history and the day after its last.
func History() (start, end time.Time) {
	return time.Date(2023, 10, 31, 0, 0, 0, 0, time.UTC), time.Date(2026, 10, 31, 0, 0, 0, 0, time.UTC)
}

// Login is the demonstration user's e-mail address and password. The demonstration
// listens on the loopback address unless it is told otherwise.
const (
	Email    = "demo@signalcraft.example"
	Password = "a-demo-password-to-change"
	UserID   = "018f0000-0000-7000-8000-000000000001"
)

// Business is one demonstration business with its KPIs and the files they come in.
type Business struct {
	Row      dataset.BusinessRow
	Industry string
	KPIs     []KPI
}

// KPI is one demonstration KPI: how it is described and how its values come about.
type KPI struct {
	Row   dataset.KPIRow
	shape shape
}

// Businesses returns the three businesses. Each call returns new values.
func Businesses() []Business {
	return []Business{cafe(), shop(), hotel()}
}

func cafe() Business {
	b := Business{Industry: "food service", Row: dataset.BusinessRow{
		BusinessID: "018f0000-0000-7000-8000-0000000000c1", Name: "Café Lumière", TimeZone: "Europe/Paris", Currency: "EUR",
		Country: "FR", Place: "Lyon", NewsQuery: "(cafe OR coffee) Lyon",
	}}
	b.KPIs = []KPI{
		b.money("c1", "revenue", "EUR", shape{level: 1850, growth: 0.06, weekly: [7]float64{0.8, 0.9, 0.95, 1, 1.15, 1.3, 0.9}, yearly: 0.12, peak: 200, noise: 0.07,
			events: []event{{"2025-06-21", 2, 0.9}, {"2026-02-10", 3, -0.75}}}),
		b.count("c2", "orders", "orders", "hour", shape{level: 34, growth: 0.05, weekly: [7]float64{0.85, 0.9, 0.95, 1, 1.1, 1.3, 0.9}, yearly: 0.08, peak: 200, noise: 0.15,
			hours: [24]float64{7: 0.6, 8: 1.6, 9: 1.8, 10: 1.3, 11: 1.2, 12: 1.9, 13: 1.6, 14: 0.9, 15: 0.9, 16: 1.1, 17: 1, 18: 0.6}}),
		b.count("c3", "pastries_sold", "pieces", "day", shape{level: 240, growth: 0.02, weekly: [7]float64{0.8, 0.85, 0.9, 1, 1.1, 1.4, 1.2}, yearly: 0.1, peak: 350, noise: 0.1,
			gaps: []gap{{"2024-08-05", 14}, {"2025-08-04", 14}, {"2026-05-12", 4}}}),
	}
	return b
}

func shop() Business {
	b := Business{Industry: "online retail", Row: dataset.BusinessRow{
		BusinessID: "018f0000-0000-7000-8000-0000000000a1", Name: "Harbour & Pine", TimeZone: "Australia/Adelaide", Currency: "AUD",
		Country: "AU", Place: "Adelaide", NewsQuery: "(retail OR shopping) Adelaide",
	}}
	b.KPIs = []KPI{
		b.money("a1", "revenue", "USD", shape{level: 9200, growth: 0.18, weekly: [7]float64{1.05, 1.0, 1.0, 1.05, 1.1, 0.9, 0.95}, yearly: 0.2, peak: 335, noise: 0.09,
			events: []event{{"2024-11-29", 4, 1.1}, {"2025-11-28", 4, 1.25}, {"2026-07-14", 1, -0.6}}}),
		b.count("a2", "orders", "orders", "day", shape{level: 160, growth: 0.15, weekly: [7]float64{1.05, 1.0, 1.0, 1.05, 1.1, 0.9, 0.95}, yearly: 0.2, peak: 335, noise: 0.08}),
		b.count("a3", "wholesale_orders", "orders", "day", shape{level: 1.9, weekly: [7]float64{1, 1, 1, 1, 1, 0.3, 0.2}, noise: 0.4, occurs: 0.14}),
		b.count("a4", "newsletter_signups", "people", "day", shape{level: 45, growth: 0.4, weekly: [7]float64{1.1, 1.1, 1.05, 1, 0.95, 0.85, 0.9}, noise: 0.18, starts: "2025-09-15"}),
		b.rate("a5", "conversion_rate", "percent", shape{level: 2.6, growth: 0.03, weekly: [7]float64{1, 1, 1, 1, 1.03, 0.97, 0.98}, yearly: 0.06, peak: 335, noise: 0.05}),
	}
	return b
}

func hotel() Business {
	b := Business{Industry: "hospitality", Row: dataset.BusinessRow{
		BusinessID: "018f0000-0000-7000-8000-0000000000b1", Name: "Lakeside Grand", TimeZone: "America/Toronto", Currency: "CAD",
		Country: "CA", Place: "Toronto", NewsQuery: "(hotel OR tourism) Toronto",
	}}
	b.KPIs = []KPI{
		b.money("b1", "room_revenue", "CAD", shape{level: 41000, growth: 0.04, weekly: [7]float64{0.85, 0.9, 0.95, 1, 1.2, 1.25, 0.9}, yearly: 0.22, peak: 205, noise: 0.08,
			events: []event{{"2026-06-12", 8, 0.5}, {"2025-01-27", 3, -0.55}}}),
		b.rate("b2", "occupancy", "percent", shape{level: 68, weekly: [7]float64{0.85, 0.9, 0.97, 1, 1.15, 1.18, 0.9}, yearly: 0.16, peak: 205, noise: 0.05, limit: 100}),
		b.count("b3", "restaurant_covers", "guests", "day", shape{level: 130, growth: 0.03, weekly: [7]float64{0.7, 0.8, 0.9, 1, 1.3, 1.4, 0.9}, yearly: 0.1, peak: 205, noise: 0.12}),
		b.count("b4", "cancellations", "bookings", "day", shape{level: 4.2, weekly: [7]float64{1.1, 1.1, 1, 1, 0.9, 0.9, 1}, yearly: 0.1, peak: 20, noise: 0.5}),
	}
	return b
}

// SourceID returns the id of the source that the business's files of one grain come from.
func SourceID(businessID, grain string) string {
	last := map[string]string{"day": "d", "hour": "e"}[grain]
	return businessID[:24] + last + businessID[25:]
}

// Spec returns how the business's files of one grain are read.
func (b Business) Spec(grain string) kpi.Spec {
	spec := kpi.Spec{Delimiter: ",", Time: []string{"time"}, Zone: b.Row.TimeZone, Value: "value", Key: []string{"kpi"}}
	for _, k := range b.KPIs {
		if k.Row.Grain == grain {
			spec.KPIs = append(spec.KPIs, kpi.Series{Key: []string{k.Row.Name}, KPIID: k.Row.KPIID, NonNegative: k.Row.NonNegative})
		}
	}
	return spec
}

func (b Business) kpi(suffix, name, unit, grain, aggregation string, s shape) KPI {
	return KPI{shape: s, Row: dataset.KPIRow{
		BusinessID: b.Row.BusinessID, KPIID: "018f0000-0000-7000-8000-0000000001" + suffix, SourceID: SourceID(b.Row.BusinessID, grain),
		Name: name, Unit: unit, Aggregation: aggregation, Grain: grain, NonNegative: true,
	}}
}

func (b Business) money(suffix, name, currency string, s shape) KPI {
	s.decimals = 2
	k := b.kpi(suffix, name, currency, "day", "sum", s)
	k.Row.Currency = &currency
	return k
}

func (b Business) count(suffix, name, unit, grain string, s shape) KPI {
	return b.kpi(suffix, name, unit, grain, "sum", s)
}

func (b Business) rate(suffix, name, unit string, s shape) KPI {
	s.decimals = 2
	return b.kpi(suffix, name, unit, "day", "mean", s)
}
