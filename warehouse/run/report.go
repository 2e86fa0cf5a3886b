package run

import (
	"log/slog"
	"time"

	"github.com/signalcraft/signalcraft/lakehouse/dataset"
	"github.com/signalcraft/signalcraft/warehouse/graph"
)

// UpToDate is Step.Skipped of a step that had nothing to do.
const UpToDate = "up to date"

// Step is what one model or check did.
type Step struct {
	// Name is the relation.
	Name string
	Kind graph.Kind
	// Windows are those that were computed; one zero window is the whole relation.
	Windows []dataset.Window
	// Businesses is how many businesses' rows were computed, when all others' stayed; 0 when all were.
	Businesses int
	// RowsIn counts the rows of the input files that were read, RowsOut the rows made, not those that stayed; of a check, the offending ones.
	RowsIn, RowsOut int64
	Took            time.Duration
	// Skipped says why the step did not run; empty when it did.
	Skipped string
	// Warnings are single items that were left out, such as a series that cannot be forecast.
	Warnings []error
	// Err is why the step failed; nil when it did not.
	Err error
}

// Event is the progress of a run.
type Event struct {
	// Step is complete when Done is true; else it only has its name and kind.
	Step Step
	Done bool
	// Index counts from 1 to Total.
	Index, Total int
}

// Report is what a run did, in graph order.
type Report struct {
	RunID string
	AsOf  time.Time
	Steps []Step
	Took  time.Duration
}

// Rows returns how many rows the run made, those of checks left out.
func (r Report) Rows() int64 {
	var total int64
	for _, s := range r.Steps {
		if s.Kind != graph.Check {
			total += s.RowsOut
		}
	}
	return total
}

// Step returns the step of a relation and whether the run had one.
func (r Report) Step(relation string) (Step, bool) {
	for _, s := range r.Steps {
		if s.Name == relation {
			return s, true
		}
	}
	return Step{}, false
}

// log writes a step's end. Failures are not logged: the run returns them.
func (s Step) log(logger *slog.Logger, runID string) {
	for _, warning := range s.Warnings {
		logger.Warn("item left out", "run", runID, "model", s.Name, "error", warning)
	}
	if s.Err != nil {
		return
	}
	if s.Skipped != "" {
		logger.Debug("step skipped", "run", runID, "model", s.Name, "reason", s.Skipped)
		return
	}
	logger.Info("step done", "run", runID, "model", s.Name, "windows", len(s.Windows), "businesses", s.Businesses, "rows_in", s.RowsIn, "rows", s.RowsOut, "took", s.Took)
}
