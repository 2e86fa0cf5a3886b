package main

import (
	"context"
	"reflect"
	"slices"
	"testing"

	"github.com/google/uuid"

	"github.com/signalcraft/signalcraft/pipelines"
)

// once is a source that gives one batch.
type once struct{ batch pipelines.Batch }

func (o once) Name() string { return "once" }

func (o once) Read(_ context.Context, _ pipelines.Input, out func(pipelines.Batch) error) error {
	return out(o.batch)
}

// TestEveryKindOfRowIsOfSomebodyPresent fills every slice of a batch whose rows belong to businesses, also those that are added to it later.
func TestEveryKindOfRowIsOfSomebodyPresent(t *testing.T) {
	t.Parallel()
	goes, stays := uuid.New(), uuid.New()
	var batch pipelines.Batch
	kinds := 0
	fields := reflect.ValueOf(&batch).Elem()
	for i := range fields.NumField() {
		rows := fields.Field(i)
		if rows.Kind() != reflect.Slice {
			continue
		}
		if _, owned := rows.Type().Elem().FieldByName("BusinessID"); !owned {
			continue
		}
		kinds++
		for _, business := range []uuid.UUID{goes, stays, goes, goes, stays} {
			row := reflect.New(rows.Type().Elem()).Elem()
			text, owner := business.String(), row.FieldByName("BusinessID")
			if owner.Kind() == reflect.Pointer {
				owner.Set(reflect.ValueOf(&text))
			} else {
				owner.SetString(text)
			}
			rows.Set(reflect.Append(rows, row))
		}
	}
	batch.Unit, batch.RowsIn = "u", batch.Rows()+len(batch.Rejects)
	if kinds < 6 || batch.RowsIn != 5*kinds {
		t.Fatalf("%d kinds of rows belong to businesses, %d rows; want six at least", kinds, batch.RowsIn)
	}
	gone := func(_ context.Context, businesses, _ []uuid.UUID) (map[uuid.UUID]bool, error) {
		if !slices.Contains(businesses, goes) || !slices.Contains(businesses, stays) {
			t.Errorf("asked for %v, want both", businesses)
		}
		return map[uuid.UUID]bool{goes: true}, nil
	}
	filtered := &present{Source: once{batch}, gone: gone}
	err := filtered.Read(t.Context(), pipelines.Input{}, func(b pipelines.Batch) error {
		if b.RowsIn != 2*kinds || b.RowsIn != b.Rows()+len(b.Rejects) {
			t.Errorf("%d rows of %d kinds, said to be %d; want two of each", b.Rows()+len(b.Rejects), kinds, b.RowsIn)
		}
		after := reflect.ValueOf(b)
		for i := range after.NumField() {
			rows := after.Field(i)
			for j := 0; rows.Kind() == reflect.Slice && j < rows.Len(); j++ {
				if owner := reflect.Indirect(rows.Index(j).FieldByName("BusinessID")); owner.IsValid() && owner.String() != stays.String() {
					t.Errorf("%s holds a row of %s", after.Type().Field(i).Name, owner)
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
