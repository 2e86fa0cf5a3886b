package fxrates

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/signalcraft/signalcraft/lakehouse/dataset"
)

// Sheet is what a provider answered: prices of one unit of Base.
type Sheet struct {
	Base string
	// Quotes are in order of day and code, not yet checked.
	Quotes []Quote
}

// Quote is one price as the provider wrote it.
type Quote struct {
	// Date is the day the provider states, YYYY-MM-DD.
	Date string
	// Code is the quoted currency.
	Code string
	// Rate is the number's text.
	Rate string

	day dataset.Days // set by check
}

// String returns the quote for the quarantine.
func (q Quote) String() string { return q.Date + " " + q.Code + " " + q.Rate }

// maxRate is above the price of a euro in any currency there has been since 1999
// (Zimbabwe's reached 1e15 in January 2009) and below what could only be a fault.
const maxRate = 1e18

// check parses the quote, sets its day and returns its rate, or the reason why it is refused.
func (q *Quote) check(latest dataset.Days) (float64, string) {
	at, err := time.Parse(time.DateOnly, q.Date)
	if err != nil {
		return 0, fmt.Sprintf("date %q is not YYYY-MM-DD", q.Date)
	}
	q.day = dataset.ToDays(at)
	if q.day > latest {
		return 0, fmt.Sprintf("date %s lies in the future", q.Date)
	}
	if !knownCode(q.Code) {
		return 0, fmt.Sprintf("currency %q is not an ISO 4217 code", q.Code)
	}
	rate, err := strconv.ParseFloat(q.Rate, 64)
	if err != nil || strings.ContainsAny(q.Rate, "xXpP_") {
		return 0, fmt.Sprintf("rate %q is not a number", q.Rate)
	}
	if !(rate > 0 && rate <= maxRate) {
		return 0, fmt.Sprintf("rate %q is not a positive finite price", q.Rate)
	}
	return rate, ""
}

// newSheet orders days, which maps dates to codes to the text of rates, and checks that the base, where it
// stands among its own quotes, is priced 1: otherwise the answer is in another currency than it says. The
// base's own quotes are left out.
func newSheet(base string, days map[string]map[string]string) (Sheet, error) {
	if !knownCode(base) {
		return Sheet{}, fmt.Errorf("base %q is not an ISO 4217 code", base)
	}
	sheet := Sheet{Base: base}
	for _, date := range slices.Sorted(maps.Keys(days)) {
		for _, code := range slices.Sorted(maps.Keys(days[date])) {
			rate := days[date][code]
			if code != base {
				sheet.Quotes = append(sheet.Quotes, Quote{Date: date, Code: code, Rate: rate})
				continue
			}
			if one, err := strconv.ParseFloat(rate, 64); err != nil || math.Abs(one-1) > 1e-9 {
				return Sheet{}, fmt.Errorf("the base %s is priced %s in itself on %s", base, rate, date)
			}
		}
	}
	if len(sheet.Quotes) == 0 {
		return Sheet{}, fmt.Errorf("no rates of %s", base)
	}
	return sheet, nil
}

// pricesByDay decodes a "rates" or "quotes" object: either codes to numbers, all of date,
// or dates to such objects.
func pricesByDay(raw json.RawMessage, date string) (map[string]map[string]string, error) {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(raw, &members); err != nil {
		return nil, fmt.Errorf("decode rates: %w", err)
	}
	days := map[string]map[string]string{}
	for name, value := range members {
		if len(value) == 0 || value[0] != '{' {
			if days[date] == nil {
				days[date] = map[string]string{}
			}
			days[date][name] = string(value)
			continue
		}
		var prices map[string]json.RawMessage
		if err := json.Unmarshal(value, &prices); err != nil {
			return nil, fmt.Errorf("decode rates of %s: %w", name, err)
		}
		days[name] = map[string]string{}
		for code, price := range prices {
			days[name][code] = string(price)
		}
	}
	return days, nil
}
