package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/signalcraft/signalcraft/api"
	"github.com/signalcraft/signalcraft/pipelines/kpi"
	"github.com/signalcraft/signalcraft/pipelines/kpi/sniff"
)

// words are how the API names marks that would be hard to read in JSON and in a form.
var words = [...]struct{ word, mark string }{
	{"comma", ","}, {"semicolon", ";"}, {"tab", "\t"}, {"bar", "|"}, {"point", "."}, {"blank", " "}, {"apostrophe", "'"},
}

// mark returns the mark that a word names; what names none stays as it is.
func mark(word string) string {
	for _, w := range words {
		if w.word == word {
			return w.mark
		}
	}
	return word
}

// word returns the name of a mark; what has none stays as it is.
func word(mark string) string {
	for _, w := range words {
		if w.mark == mark {
			return w.word
		}
	}
	return mark
}

func sniffChoices(c api.UploadChoices) sniff.Choices {
	s := sniff.Choices{Format: c.Format, Encoding: c.Encoding, Delimiter: mark(c.Delimiter), Sheet: c.Sheet, Header: c.HeaderRow,
		Time: c.TimeColumns, Forms: c.TimeForms, DateOrder: c.DateOrder, DecimalMark: mark(c.DecimalMark), Thousands: mark(c.ThousandsMark),
		Zone: c.TimeZone, Shape: c.Shape, Value: c.ValueColumn, KPIs: len(c.KPIs) > 0}
	for _, k := range c.KPIs {
		if k.Column != "" && !k.Skip {
			s.Columns = append(s.Columns, k.Column)
		}
	}
	if c.KeyColumns != nil {
		s.Key = append([]string{}, *c.KeyColumns...)
	}
	return s
}

// inspection is what was found as the API shows it.
func inspection(f *sniff.Finding, choices api.UploadChoices) (*api.UploadInspection, error) {
	p := api.UploadPreview{Format: f.Format, Compression: f.Compression, Encoding: f.Encoding, Delimiter: word(f.Delimiter), Sheet: f.Sheet,
		Sheets: list(f.Sheets), HeaderRow: f.Header, TimeColumns: list(f.Time), TimeForms: list(f.Forms), DateOrder: f.DateOrder,
		DecimalMark: word(f.DecimalMark), ThousandsMark: word(f.Thousands), TimeZone: f.Zone, HasOffsets: f.Zoned, Shape: f.Shape,
		ValueColumn: f.Value, KeyColumns: list(f.Key), Rows: f.Rows, RowsExact: f.RowsExact,
		Columns: []api.UploadColumn{}, KPIs: []api.UploadKPI{}, Sample: []api.UploadRow{}, Ambiguous: []api.UploadQuestion{}}
	if f.Thousands == "" {
		p.ThousandsMark = sniff.None
	}
	for _, c := range f.Columns {
		p.Columns = append(p.Columns, api.UploadColumn{Name: c.Name, Type: c.Type, Examples: list(c.Examples)})
	}
	for _, k := range f.KPIs {
		p.KPIs = append(p.KPIs, api.UploadKPI{Key: list(k.Key), Column: k.Column, Name: k.Name, Unit: k.Unit, Currency: k.Currency, Aggregation: k.Aggregation,
			Grain: k.Grain, NonNegative: k.NonNegative, Skip: k.Skip, Why: k.Why, Rows: k.Rows})
	}
	if err := choose(p.KPIs, choices.KPIs); err != nil {
		return nil, err
	}
	for _, r := range f.Sample {
		row := api.UploadRow{Line: r.Line, Values: []api.UploadValue{}, Issues: list(r.Reasons)}
		for _, v := range r.Values {
			row.Values = append(row.Values, api.UploadValue{KPI: p.KPIs[v.KPI].Name, At: v.At, Value: v.Value})
		}
		p.Sample = append(p.Sample, row)
	}
	for _, q := range f.Ambiguous {
		question := api.UploadQuestion{Field: q.Field, Why: q.Why, Choices: []api.UploadOption{}}
		for _, c := range q.Choices {
			question.Choices = append(question.Choices, api.UploadOption{Value: word(c.Value), Means: c.Means})
		}
		p.Ambiguous = append(p.Ambiguous, question)
	}
	seen := &api.UploadInspection{Preview: p}
	seen.Spec = func(ids []uuid.UUID) (json.RawMessage, error) {
		return uploadSpec(f.Spec, seen.Preview.KPIs, ids, choices.Others)
	}
	return seen, nil
}

// list returns an empty list for none, which JSON shows as [].
func list(texts []string) []string { return append([]string{}, texts...) }

// choose applies what the sender says about KPIs. Once some are named, the others are left out.
func choose(found []api.UploadKPI, choices []api.UploadKPIChoice) error {
	if len(choices) == 0 {
		return nil
	}
	for i := range found {
		if !found[i].Skip {
			found[i].Skip, found[i].Why = true, "it is not among the KPIs that were chosen"
		}
	}
	for _, c := range choices {
		at := slices.IndexFunc(found, func(k api.UploadKPI) bool { return slices.Equal(k.Key, c.Key) && k.Column == c.Column })
		if at < 0 && len(found) == 1 && len(c.Key) == 0 && c.Column == "" {
			at = 0
		}
		if at < 0 {
			return &api.UploadFault{Field: "kpis", Issue: fmt.Sprintf("the file has no KPI with key %q and column %q", strings.Join(c.Key, ", "), c.Column)}
		}
		decide(&found[at], c)
	}
	return nil
}

// decide applies one choice.
func decide(k *api.UploadKPI, c api.UploadKPIChoice) {
	if k.Skip = c.Skip; !k.Skip {
		k.Why = ""
	}
	if c.KPIID != "" {
		k.KPIID = &c.KPIID
	}
	if c.Name != "" {
		k.Name = c.Name
	}
	if c.Unit != nil {
		k.Unit = *c.Unit
	}
	if c.Currency != nil {
		k.Currency = *c.Currency
	}
	if c.Aggregation != "" {
		k.Aggregation = c.Aggregation
	}
	if c.Grain != "" {
		k.Grain = c.Grain
	}
	if c.NonNegative != nil {
		k.NonNegative, k.Refuse = *c.NonNegative, *c.NonNegative
	}
}

// uploadSpec is how the file is read once the KPIs have ids.
func uploadSpec(s kpi.Spec, kpis []api.UploadKPI, ids []uuid.UUID, others string) (json.RawMessage, error) {
	s.KPIs, s.SkipOthers = nil, others == "skip"
	for i, k := range kpis {
		series := kpi.Series{Column: k.Column, NonNegative: k.Refuse, Skip: k.Skip}
		if len(k.Key) > 0 {
			series.Key = k.Key
		}
		if !k.Skip {
			series.KPIID = ids[i].String()
		}
		s.KPIs = append(s.KPIs, series)
	}
	if !slices.ContainsFunc(s.KPIs, func(k kpi.Series) bool { return !k.Skip }) {
		return nil, &api.UploadFault{Field: "kpis", Issue: "every KPI is left out"}
	}
	if err := s.Validate(); err != nil {
		return nil, &api.UploadFault{Field: "kpis", Issue: err.Error()}
	}
	return json.Marshal(s)
}
