package fxrates_test

import (
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/signalcraft/signalcraft/lakehouse/dataset"
	"github.com/signalcraft/signalcraft/pipelines"
	"github.com/signalcraft/signalcraft/pipelines/fxrates"
	"github.com/signalcraft/signalcraft/pipelines/replay"
	"github.com/signalcraft/signalcraft/pipelines/sourcetest"
)

func day(y int, m time.Month, d int) time.Time { return time.Date(y, m, d, 0, 0, 0, 0, time.UTC) }

// input is three businesses, one of which has a currency that is none, and a KPI kept in pounds.
func input() pipelines.Input {
	return pipelines.Input{
		Window: dataset.Window{Start: day(2024, 1, 10), End: day(2024, 3, 16)},
		AsOf:   day(2024, 3, 15).Add(17 * time.Hour),
		Businesses: []dataset.BusinessRow{
			{BusinessID: "b1", Currency: "INR"}, {BusinessID: "b2", Currency: "USD"}, {BusinessID: "b3", Currency: "EUR"}, {BusinessID: "b4", Currency: "Euro"},
		},
		Currencies: []string{"GBP"},
	}
}

func newSource(t testing.TB, providers ...fxrates.Provider) pipelines.Source {
	t.Helper()
	source, err := fxrates.New(fxrates.Config{Providers: providers})
	if err != nil {
		t.Fatal(err)
	}
	return source
}

func TestConformance(t *testing.T) {
	sourcetest.Run(t, sourcetest.Case{
		New: func(t testing.TB, env sourcetest.Env) pipelines.Source {
			return newSource(t, fxrates.Frankfurter(env.Client(t, fxrates.FrankfurterUpstream(env.BaseURL("api.frankfurter.dev")))))
		},
		Input:     input(),
		Files:     os.DirFS("testdata"),
		WantUnits: []string{"EUR/currencies", "EUR/2024-01", "EUR/2024-03"},
		WantRows:  3 * (44 + 11), // working days of January and February, and of 1 to 15 March
	})
}

// TestNextProvider has Frankfurter fail and a currency that only the others know.
func TestNextProvider(t *testing.T) {
	in := input()
	in.Window.Start = day(2024, 3, 1)
	in.Currencies = []string{"KES"}
	check := func(name string, fault replay.Fault, want []string) {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				handler, err := replay.Open(os.DirFS("testdata"))
				if err != nil {
					t.Fatal(err)
				}
				handler.Inject(fault)
				network := replay.NewNetwork(handler)
				defer network.Close()
				env := sourcetest.Env{Transport: network.Transport(), CacheDir: t.TempDir()}
				client := env.Client(t, fxrates.FrankfurterUpstream(env.BaseURL("api.frankfurter.dev")),
					fxrates.ExchangeRateHostUpstream(env.BaseURL("api.exchangerate.host"), "k3y"), fxrates.ExchangeRateAPIUpstream(env.BaseURL("open.er-api.com")))
				source := newSource(t, fxrates.Frankfurter(client), fxrates.ExchangeRateHost(client, "k3y"), fxrates.ExchangeRateAPI(client))
				got := []string{}
				err = source.Read(t.Context(), in, func(b pipelines.Batch) error {
					codes := map[string]bool{}
					for _, row := range b.Rates {
						codes[row.Provider+":"+row.Quote] = true
					}
					for _, reject := range b.Rejects {
						codes["refused:"+reject.Raw] = true
					}
					for code := range codes {
						got = append(got, b.Unit+" "+code)
					}
					return nil
				})
				if err != nil {
					t.Errorf("Read: %v", err)
				}
				slices.Sort(got)
				got = slices.DeleteFunc(got, func(s string) bool { return strings.Contains(s, "BTC") || strings.Contains(s, "GBP -1") })
				if !slices.Equal(got, want) {
					t.Errorf("got\n %s\nwant\n %s", strings.Join(got, "\n "), strings.Join(want, "\n "))
				}
			})
		})
	}
	check("a currency that the first lacks", replay.Fault{Kind: replay.ServerError, Prefix: "nowhere"}, []string{
		"EUR/2024-03 frankfurter:INR", "EUR/2024-03 frankfurter:USD", "EUR/2024-03/exchangerate-host exchangerate-host:KES", "EUR/currencies refused:Euro",
	})
	check("the first is down", replay.Fault{Kind: replay.HTMLUnder200, Prefix: "api.frankfurter.dev"}, []string{
		"EUR/2024-03 exchangerate-host:INR", "EUR/2024-03 exchangerate-host:KES", "EUR/2024-03 exchangerate-host:USD", "EUR/currencies refused:Euro",
	})
}

// TestOnlyLatest has one provider without history: it serves the running unit, and the currency that it lacks is refused by name.
func TestOnlyLatest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		handler, err := replay.Open(os.DirFS("testdata"))
		if err != nil {
			t.Fatal(err)
		}
		network := replay.NewNetwork(handler)
		defer network.Close()
		env := sourcetest.Env{Transport: network.Transport(), CacheDir: t.TempDir()}
		source := newSource(t, fxrates.ExchangeRateAPI(env.Client(t, fxrates.ExchangeRateAPIUpstream(env.BaseURL("open.er-api.com")))))
		var units, reasons []string
		err = source.Read(t.Context(), input(), func(b pipelines.Batch) error {
			units = append(units, b.Unit)
			for _, reject := range b.Rejects {
				reasons = append(reasons, reject.Reason)
			}
			return nil
		})
		if err == nil || !strings.Contains(err.Error(), "unit EUR/2024-01: no provider has rates") {
			t.Errorf("Read: %v, want the error of the unit in the past", err)
		}
		if want := []string{"EUR/currencies", "EUR/2024-03"}; !slices.Equal(units, want) {
			t.Errorf("units %v, want %v", units, want)
		}
		want := []string{
			`currency "Euro" of business b4 is not an ISO 4217 code`, `currency "XXZ" is not an ISO 4217 code`,
			"no provider has a rate of GBP in 2024-03-01..2024-03-15", "no provider has a rate of INR in 2024-03-01..2024-03-15",
		}
		if !slices.Equal(reasons, want) {
			t.Errorf("reasons\n %s\nwant\n %s", strings.Join(reasons, "\n "), strings.Join(want, "\n "))
		}
	})
}

func TestNewUnitReachesBackOverHolidays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		handler, err := replay.Open(os.DirFS("testdata"))
		if err != nil {
			t.Fatal(err)
		}
		network := replay.NewNetwork(handler)
		defer network.Close()
		env := sourcetest.Env{Transport: network.Transport(), CacheDir: t.TempDir()}
		source := newSource(t, fxrates.Frankfurter(env.Client(t, fxrates.FrankfurterUpstream(env.BaseURL("api.frankfurter.dev")))))
		in := pipelines.Input{AsOf: day(2025, 1, 1), Window: dataset.Window{Start: day(2025, 1, 1), End: day(2025, 1, 2)}, Currencies: []string{"USD"}}
		source.Read(t.Context(), in, func(pipelines.Batch) error { return nil }) // nothing is recorded for it
		if want := []string{"GET api.frankfurter.dev/v1/2024-12-22..2025-01-01"}; !slices.Equal(handler.Requests(), want) {
			t.Errorf("asked %v, want %v", handler.Requests(), want)
		}
	})
}
