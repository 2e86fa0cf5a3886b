package explain_test

import (
	"bytes"
	"encoding/xml"
	"errors"
	"flag"
	"image/png"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/signalcraft/signalcraft/lakehouse/dataset"
	"github.com/signalcraft/signalcraft/warehouse/explain"
)

// keep names a folder that drawings are kept in, to be looked at.
var keep = flag.String("keep", "", "folder to keep the drawings of the tests in")

// guests is a forecast with every component, two incidents and a gap in its history.
func guests() *explain.Forecast {
	first := dataset.ToDays(time.Date(2026, 3, 16, 0, 0, 0, 0, time.UTC))
	f := &explain.Forecast{KPI: explain.KPI{Business: "Café Lumière", Name: "guests", Unit: "people"}, Vintage: first, Method: "theta", SelectedOn: first,
		Components: make([][]float64, 5), Explanation: &dataset.Explanation{}}
	mase, baseline, long := 0.6, 1.0, int32(365)
	f.Explanation.MASE, f.Explanation.BaselineMASE, f.Explanation.LongSeason = &mase, &baseline, &long
	value := func(d int) [5]float64 {
		parts := [5]float64{200 + 0.3*float64(d), []float64{-30, -20, -10, 0, 20, 50, -10}[((d%7)+7)%7], 15 * math.Sin(float64(d)/58), 0, 4 * math.Sin(1.9*float64(d))}
		if d == 9 || d == -21 {
			parts[3] = 80
		}
		return parts
	}
	sum := func(parts [5]float64) (total float64) {
		for _, v := range parts {
			total += v
		}
		return total
	}
	for d := -120; d < 0; d++ {
		if d >= -60 && d < -55 {
			continue
		}
		v := sum(value(d)) + 12*math.Sin(float64(d)*float64(d))
		if d >= -40 && d < -37 {
			v = 20
		}
		f.HistoryDays, f.History = append(f.HistoryDays, first+dataset.Days(d)), append(f.History, v)
	}
	f.Incidents = []explain.Span{{First: first - 40, Last: first - 38, Name: "flood"}}
	for d := range 30 {
		parts := value(d)
		wide := 20 + float64(d)
		mean := sum(parts)
		f.Days = append(f.Days, first+dataset.Days(d))
		f.Mean, f.Lower80, f.Upper80 = append(f.Mean, mean), append(f.Lower80, mean-wide), append(f.Upper80, mean+wide)
		f.Lower95, f.Upper95 = append(f.Lower95, mean-1.6*wide), append(f.Upper95, mean+1.6*wide)
		for k := range parts {
			f.Components[k] = append(f.Components[k], parts[k])
		}
	}
	return f
}

// drawn returns a drawing, and keeps it where that is asked for.
func drawn(t *testing.T, f *explain.Forecast, format string) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := f.Draw(&out, format); err != nil {
		t.Fatal(err)
	}
	if *keep != "" {
		name := strings.ReplaceAll(t.Name(), "/", "-") + "." + format
		if err := os.WriteFile(filepath.Join(*keep, name), out.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return out.Bytes()
}

// words returns the texts of an SVG drawing.
func words(t *testing.T, svg []byte) []string {
	t.Helper()
	var found []string
	decoder := xml.NewDecoder(bytes.NewReader(svg))
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			return found
		}
		if err != nil {
			t.Fatal(err)
		}
		if data, ok := token.(xml.CharData); ok && strings.TrimSpace(string(data)) != "" {
			found = append(found, strings.TrimSpace(string(data)))
		}
	}
}

func TestDrawSaysWhatItShows(t *testing.T) {
	got := strings.Join(words(t, drawn(t, guests(), "svg")), "|")
	for _, want := range []string{"guests (people), Café Lumière", "Forecast of 16 March 2026 for 16 March 2026 to 14 April 2026", "60 % of that of repeating the last week",
		"observed", "forecast", "80 % interval", "95 % interval", "incident, left out", "Trend:", "Week:", "Year:", "Calendar:", "Weather:", "23 Mar", "100", "300"} {
		if !strings.Contains(got, want) {
			t.Errorf("the drawing does not say %q; it says %s", want, got)
		}
	}
	if strings.Contains(got, "NaN") || strings.Contains(got, "Inf") {
		t.Errorf("the drawing says %s", got)
	}
}

func TestDrawAsPNG(t *testing.T) {
	image, err := png.Decode(bytes.NewReader(drawn(t, guests(), "png")))
	if err != nil {
		t.Fatal(err)
	}
	blue := 0
	bounds := image.Bounds()
	for y := bounds.Min.Y; y < bounds.Max.Y; y++ {
		for x := bounds.Min.X; x < bounds.Max.X; x++ {
			if r, g, b, _ := image.At(x, y).RGBA(); r>>8 == 0 && g>>8 == 0x72 && b>>8 == 0xb2 {
				blue++
			}
		}
	}
	if bounds.Dx() != 1210 || bounds.Dy() < 800 || blue < 500 {
		t.Errorf("image of %v with %d points of the forecast's line", bounds, blue)
	}
}

// What a drawing needs may be missing or of no width; the drawing is still one.
func TestDrawWithoutMuch(t *testing.T) {
	check := func(name string, change func(*explain.Forecast), without ...string) {
		t.Run(name, func(t *testing.T) {
			f := guests()
			change(f)
			if _, err := png.Decode(bytes.NewReader(drawn(t, f, "png"))); err != nil {
				t.Error(err)
			}
			got := strings.Join(words(t, drawn(t, f, "svg")), "|")
			for _, word := range append(without, "NaN", "Inf") {
				if strings.Contains(got, word) {
					t.Errorf("the drawing says %q in %s", word, got)
				}
			}
		})
	}
	level := func(values []float64, v float64) {
		for i := range values {
			values[i] = v
		}
	}
	check("no history", func(f *explain.Forecast) { f.HistoryDays, f.History, f.Incidents = nil, nil, nil }, "incident")
	check("old vintage", func(f *explain.Forecast) { f.Components, f.Explanation = nil, nil }, "Trend", "repeating")
	check("trend alone", func(f *explain.Forecast) {
		for _, values := range f.Components[1:] {
			level(values, 0)
		}
	}, "Week", "Year", "Calendar", "Weather")
	for name, v := range map[string]float64{"all zero": 0, "constant": 7, "huge": 1e15, "tiny": 1e-12, "negative": -3} {
		check(name, func(f *explain.Forecast) {
			for _, values := range append([][]float64{f.History, f.Mean, f.Lower80, f.Upper80, f.Lower95, f.Upper95, f.Components[0]}, f.Components[1:]...) {
				level(values, v)
			}
		})
	}
	check("one day", func(f *explain.Forecast) {
		f.HistoryDays, f.History, f.Incidents = f.HistoryDays[:1], f.History[:1], nil
		f.Days, f.Mean, f.Lower80, f.Upper80, f.Lower95, f.Upper95 = f.Days[:1], f.Mean[:1], f.Lower80[:1], f.Upper80[:1], f.Lower95[:1], f.Upper95[:1]
		for k := range f.Components {
			f.Components[k] = f.Components[k][:1]
		}
	})
}

func TestDrawRefusesAnotherFormat(t *testing.T) {
	if err := guests().Draw(io.Discard, "gif"); err == nil || !strings.Contains(err.Error(), `no format "gif"`) {
		t.Errorf("drawing a gif: %v", err)
	}
}

func TestAmount(t *testing.T) {
	check := func(v, step float64, want string) {
		t.Helper()
		if got := explain.Amount(v, step); got != want {
			t.Errorf("Amount(%g, %g) = %q, want %q", v, step, got, want)
		}
	}
	check(1234567, 1, "1,234,567")
	check(-1234.5, 0.5, "-1,234.5")
	check(-999, 1, "-999")
	check(0.125, 0.001, "0.125")
	check(-0.0001, 0.1, "0")
	check(0, 1, "0")
	check(2.5e12, 1, "2.5e+12")
	check(1.5e-9, 1e-12, "1.5e-09")
	check(1500, 500, "1,500")
}
