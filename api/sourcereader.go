package api

import (
	"context"
	"time"

	"github.com/google/uuid"
)

// Sources is what the service needs of whoever reads KPI sources. It may be used from many goroutines.
type Sources interface {
	// Check returns a *SourceFault when a source of a kind with this definition, the JSON that is stored as its config, cannot
	// work, or a secret, by name, cannot be sent. It asks nobody.
	Check(kind string, definition []byte, secrets map[string]string) error
	// Test reads the beginning of a source as it is stored and changes nothing. That the source could not be read is
	// no error but the answer's Problem. It returns store.ErrNotFound for a source that is gone.
	Test(ctx context.Context, business, source uuid.UUID) (SourceTest, error)
	// Run queues the reading of what is due. It is called after the wish to read the source was stored.
	Run(ctx context.Context, business, source uuid.UUID) error
}

// SourceFault is returned for a definition that cannot work.
type SourceFault struct {
	// Field is its place in the request, such as "http.url"; Issue what is wrong with it.
	Field, Issue string
}

// Error names field and issue.
func (e *SourceFault) Error() string { return e.Field + ": " + e.Issue }

// SourceTest is what the beginning of a source was understood as.
type SourceTest struct {
	// Problem is why it could not be read, for its owner; empty when it could. Note is what else the owner should know.
	Problem, Note string
	// Pages and Rows were read. Columns and First are names and first rows as they came.
	Pages   int
	Rows    int
	Columns []string
	First   [][]string
	// Accepted and Rejected count points and refused rows, of which Points and Rejects are the first.
	Accepted, Rejected int
	Points             []SourcePoint
	Rejects            []SourceReject
}

// SourcePoint is one point that was understood.
type SourcePoint struct {
	KPIID string
	At    time.Time
	Value float64
}

// SourceReject is one row that was refused; Line is 0 when it has none.
type SourceReject struct {
	Line        int64
	Reason, Raw string
}
