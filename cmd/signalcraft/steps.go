package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
)

// step is what one part of a batch did.
type step struct {
	Name        string        `json:"name"`
	RowsIn      int64         `json:"rows_in"`
	RowsOut     int64         `json:"rows_out"`
	Quarantined int64         `json:"quarantined"`
	Took        time.Duration `json:"took_ns"`
	// Note says why nothing was done, or is empty.
	Note string `json:"note,omitempty"`
	// Failed is the error's text, or empty.
	Failed string `json:"failed,omitempty"`

	parts    []step // what the step consists of
	cpu      time.Duration
	outdated int // rows that a later run may still land
}

// result is the word that the table shows for a step.
func (s step) result() string {
	switch {
	case s.Failed != "":
		return "failed"
	case s.Note != "":
		return s.Note
	}
	return "done"
}

// indent begins the name of a step that is a part of the one above it.
const indent = "  "

// report collects the steps of one batch and shows each while it runs.
type report struct {
	out      io.Writer
	progress *mpb.Progress // nil when out is no terminal
	now      func() time.Time
	// detail adds what each model did and rows a second to the table.
	detail bool
	// cpu, when not nil, is the processor time spent until now: the table then shows that of each step.
	cpu func() time.Duration

	mu    sync.Mutex
	steps []step
	doing string                   // what the running step is at
	spent map[string]time.Duration // processor time of parts, by name: until they end, that of their beginning
}

// newReport shows live progress on out when that is a terminal.
func newReport(out io.Writer, now func() time.Time) *report {
	r := &report{out: out, now: now}
	if isTerminal(out) {
		r.progress = mpb.New(mpb.WithOutput(out), mpb.WithWidth(8))
	}
	return r
}

func isTerminal(out io.Writer) bool {
	file, ok := out.(*os.File)
	if !ok {
		return false
	}
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0 && os.Getenv("TERM") != "dumb"
}

// watch runs work as the named step, shows it while it runs and keeps what it returned.
func (r *report) watch(name string, work func() (step, error)) error {
	started, spent := r.now(), r.processor()
	finish := r.show(name)
	done, err := work()
	done.Name, done.cpu = name, r.processor()-spent
	if done.Took == 0 {
		done.Took = r.now().Sub(started)
	}
	if err != nil {
		done.Failed = err.Error()
	}
	finish()
	r.add(done)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

func (r *report) add(s step) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.steps = append(r.steps, s)
	if !r.detail {
		return
	}
	for _, p := range s.parts {
		p.cpu = r.spent[p.Name]
		r.steps = append(r.steps, p)
	}
}

// processor is the processor time spent until now; 0 when nobody asked for it.
func (r *report) processor() time.Duration {
	if r.cpu == nil {
		return 0
	}
	return r.cpu()
}

// part notes the processor time of a part of the running step, between its beginning and its end.
func (r *report) part(name string, done bool) {
	if r.cpu == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.spent == nil {
		r.spent = map[string]time.Duration{}
	}
	if !done {
		r.spent[indent+name] = r.cpu()
		return
	}
	r.spent[indent+name] = r.cpu() - r.spent[indent+name]
}

// show draws a spinner with the step's name, what it is at and its seconds until the returned function is called.
func (r *report) show(name string) (finish func()) {
	r.say("")
	if r.progress == nil {
		return func() {}
	}
	bar := r.progress.AddSpinner(1, mpb.BarRemoveOnComplete(),
		mpb.PrependDecorators(decor.Name("  "+name+" ", decor.WCSyncSpaceR)),
		mpb.AppendDecorators(decor.Elapsed(decor.ET_STYLE_GO), decor.Any(func(decor.Statistics) string {
			r.mu.Lock()
			defer r.mu.Unlock()
			return "  " + r.doing
		})))
	return func() { bar.SetCurrent(1); bar.Wait() }
}

// say tells what the running step is at.
func (r *report) say(doing string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.doing = doing
}

// print ends the progress and writes the table of steps with their totals.
func (r *report) print() error {
	if r.progress != nil {
		r.progress.Wait()
	}
	writer := table.NewWriter()
	writer.SetStyle(table.StyleLight)
	writer.Style().Format.Header = text.FormatLower
	writer.Style().Format.Footer = text.FormatLower
	header := table.Row{"step", "rows in", "rows out", "quarantined", "seconds", "result"}
	if r.detail {
		header = append(header, "rows a second")
	}
	if r.cpu != nil {
		header = append(header, "CPU seconds")
	}
	writer.AppendHeader(header)
	var columns []table.ColumnConfig
	for _, number := range []int{2, 3, 4, 5, 7, 8} {
		columns = append(columns, table.ColumnConfig{Number: number, Align: text.AlignRight, AlignHeader: text.AlignRight, AlignFooter: text.AlignRight})
	}
	writer.SetColumnConfigs(columns)
	total := r.total()
	for _, s := range r.steps {
		writer.AppendRow(r.row(s))
	}
	writer.AppendFooter(r.row(total))
	_, err := fmt.Fprintln(r.out, writer.Render())
	return err
}

func (r *report) total() step {
	total := step{Name: "total"}
	for _, s := range r.steps {
		if strings.HasPrefix(s.Name, indent) {
			continue // a part of the step above
		}
		total.RowsIn += s.RowsIn
		total.RowsOut += s.RowsOut
		total.Quarantined += s.Quarantined
		total.Took += s.Took
		total.cpu += s.cpu
		if s.Failed != "" {
			total.Failed = s.Failed
		}
	}
	return total
}

func (r *report) row(s step) table.Row {
	row := table.Row{s.Name, thousands(s.RowsIn), thousands(s.RowsOut), thousands(s.Quarantined), fmt.Sprintf("%.2f", s.Took.Seconds()), s.result()}
	if r.detail {
		row = append(row, rate(max(s.RowsIn, s.RowsOut), s.Took))
	}
	if r.cpu != nil {
		row = append(row, seconds(s.cpu))
	}
	return row
}

// seconds writes a time, and a dash for one that was not measured.
func seconds(d time.Duration) string {
	if d == 0 {
		return "-"
	}
	return fmt.Sprintf("%.2f", d.Seconds())
}

// thousands writes n with a comma after each three digits.
func thousands(n int64) string {
	digits := fmt.Sprint(n)
	var out strings.Builder
	for i, d := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 && digits[i-1] != '-' {
			out.WriteByte(',')
		}
		out.WriteRune(d)
	}
	return out.String()
}
