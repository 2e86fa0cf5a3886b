package remote

import (
	"context"
	"errors"
	"time"

	"github.com/signalcraft/signalcraft/lakehouse/dataset"
	"github.com/signalcraft/signalcraft/pipelines"
	"github.com/signalcraft/signalcraft/pipelines/kpi"
)

// Preview is what the beginning of a source was understood as. Nothing of it has landed.
type Preview struct {
	Result
	// Problem is why the source could not be read; nil when it could.
	Problem *Error
	// Accepted and Rejected count points and refused rows; Points and Rejects are the first of them.
	Accepted, Rejected int
	Points             []dataset.KPIPointRow
	Rejects            []dataset.RejectRow
}

// maxPreview is how many points and rejects a Preview holds.
const maxPreview = 20

// Preview reads the beginning of a source, takes points up to asOf, and changes nothing. It returns an error only when ctx ends.
func (r *Reader) Preview(ctx context.Context, q Request, asOf time.Time) (Preview, error) {
	q.Sample = true
	file, result := r.File(q)
	reader, err := kpi.New(kpi.Config{Files: []kpi.File{file}, MaxPoints: sampleRows * 1000})
	if err != nil {
		return Preview{Problem: &Error{text: err.Error(), err: err}}, nil
	}
	var p Preview
	err = reader.Read(ctx, pipelines.Input{AsOf: asOf}, func(b pipelines.Batch) error {
		p.Accepted, p.Rejected = len(b.KPIPoints), len(b.Rejects)
		p.Points, p.Rejects = b.KPIPoints[:min(len(b.KPIPoints), maxPreview)], b.Rejects[:min(len(b.Rejects), maxPreview)]
		return nil
	})
	p.Result = *result
	if ctx.Err() != nil {
		return p, ctx.Err()
	}
	p.Problem = ProblemOf(err)
	return p, nil
}

// ProblemOf returns what a source's owner may know of an error of reading it, nil for none.
func ProblemOf(err error) *Error {
	if err == nil {
		return nil
	}
	var known *Error
	if errors.As(err, &known) {
		return known
	}
	var file *kpi.FileError
	if errors.As(err, &file) { // limits of package kpi, which say what is too much
		return &Error{text: printable(file.Err.Error()), err: err}
	}
	return explain(err)
}
