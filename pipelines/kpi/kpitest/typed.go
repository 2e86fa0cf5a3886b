package kpitest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"time"

	"github.com/parquet-go/parquet-go"
	"github.com/xuri/excelize/v2"
)

// objects writes JSON lines.
func (m *maker) objects() error {
	var out bytes.Buffer
	write := func(object map[string]any) error {
		line, err := json.Marshal(object)
		out.Write(append(line, '\n'))
		return err
	}
	for _, r := range m.rows() {
		object := map[string]any{"when": r.local.Format(m.layout), "note": "x\ny", "nested": map[string]any{"a": 1}}
		last := "amount"
		for i, text := range r.texts {
			if m.wide {
				last = m.names[i]
			} else {
				object["what"] = r.name
			}
			object[last] = json.Number(text)
		}
		if m.Float64() >= m.damage {
			m.good(r)
			if err := write(object); err != nil {
				return err
			}
			continue
		}
		switch m.IntN(5) {
		case 0:
			out.WriteString("{\"when\": \"2024-01-01\", \n")
			m.file.Rejects++
			continue
		case 1:
			object["when"] = "never"
			m.file.Rejects++
		case 2:
			object[last] = "many"
			m.refuseOne(r, len(r.vals)-1)
		case 3:
			object["when"] = []int{1}
			m.file.Rejects++
		case 4:
			m.good(r)
			m.repeat(r)
			if err := write(object); err != nil {
				return err
			}
		}
		if err := write(object); err != nil {
			return err
		}
	}
	m.file.Bytes = out.Bytes()
	return nil
}

// workbook writes a workbook whose times are dates or texts, and whose values are numbers.
func (m *maker) workbook() (err error) {
	book := excelize.NewFile()
	defer func() { _ = book.Close() }() // it lies in memory
	style, err := book.NewStyle(&excelize.Style{NumFmt: 22})
	if err != nil {
		return err
	}
	dates := m.IntN(2) == 0
	m.describe(fmt.Sprintf("dates %t", dates))
	stream, err := book.NewStreamWriter("Sheet1")
	if err != nil {
		return err
	}
	header := []any{"when", "what", "amount"}
	if m.wide {
		header = []any{"when"}
		for _, name := range m.names {
			header = append(header, name)
		}
	}
	number := 1
	write := func(cells []any) error {
		err := stream.SetRow(fmt.Sprintf("A%d", number), cells)
		number++
		return err
	}
	if err := write(header); err != nil {
		return err
	}
	for _, r := range m.rows() {
		cells := []any{r.local.Format(m.layout)}
		if dates {
			cells[0] = excelize.Cell{StyleID: style, Value: r.local}
		}
		if !m.wide {
			cells = append(cells, r.name)
		}
		for _, value := range r.vals {
			cells = append(cells, value)
		}
		if m.Float64() >= m.damage {
			m.good(r)
		} else {
			switch m.IntN(4) {
			case 0:
				cells[0] = "never"
				m.file.Rejects++
			case 1:
				cells[len(cells)-1] = "many"
				m.refuseOne(r, len(r.vals)-1)
			case 2:
				cells = append(cells, "more")
				m.file.Rejects++
			case 3:
				m.good(r)
				m.repeat(r)
				if err := write(cells); err != nil {
					return err
				}
			}
		}
		if err := write(cells); err != nil {
			return err
		}
	}
	if err := stream.Flush(); err != nil {
		return err
	}
	out, err := book.WriteToBuffer()
	if err != nil {
		return err
	}
	m.file.Bytes = out.Bytes()
	return nil
}

// parquet writes a Parquet file of random types and codecs.
func (m *maker) parquet() error {
	group := parquet.Group{}
	unit := []parquet.TimeUnit{parquet.Millisecond, parquet.Microsecond, parquet.Nanosecond}[m.IntN(3)]
	texts := m.IntN(3) == 0
	group["when"] = parquet.Optional(parquet.TimestampAdjusted(unit, false))
	if texts {
		group["when"] = parquet.Optional(parquet.String())
	}
	columns := []string{"amount"}
	if m.wide {
		columns = m.names
	} else {
		group["what"] = parquet.Encoded(parquet.String(), &parquet.RLEDictionary)
	}
	for _, name := range columns {
		group[name] = parquet.Compressed(parquet.Leaf(parquet.DoubleType), &parquet.Snappy) // not optional: the writer would take 0 for null
	}
	schema := parquet.NewSchema("file", group)
	var out bytes.Buffer
	w := parquet.NewGenericWriter[map[string]any](&out, schema, parquet.PageBufferSize(4096), parquet.MaxRowsPerRowGroup(int64(20+m.IntN(400))))
	for _, r := range m.rows() {
		cells := map[string]any{"when": count(r.local, unit)}
		if texts {
			cells["when"] = r.local.Format(m.layout)
		}
		if !m.wide {
			cells["what"] = r.name
		}
		for i, value := range r.vals {
			cells[columns[i]] = value
		}
		again := 1
		if m.Float64() >= m.damage {
			m.good(r)
		} else {
			switch m.IntN(3) {
			case 0:
				delete(cells, "when")
				m.file.Rejects++
			case 1:
				cells[columns[len(r.vals)-1]] = []float64{math.NaN(), math.Inf(1), 1e300}[m.IntN(3)]
				m.refuseOne(r, len(r.vals)-1)
			case 2:
				m.good(r)
				m.repeat(r)
				again = 2
			}
		}
		for range again {
			if _, err := w.Write([]map[string]any{cells}); err != nil {
				return err
			}
		}
	}
	if err := w.Close(); err != nil {
		return err
	}
	m.file.Bytes = out.Bytes()
	return nil
}

// count is a local time as a count of units since 1970.
func count(local time.Time, unit parquet.TimeUnit) int64 {
	return local.UnixNano() / int64(unit.Duration())
}
