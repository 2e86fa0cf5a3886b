package billing

import "context"

// Manual agrees to every change: the installation's operator bills by other means, from the stored changes. The zero value is
// ready to use.
type Manual struct{}

var _ Provider = Manual{}

// Name returns "manual".
func (Manual) Name() string { return "manual" }

// Agree agrees, with the change's own id as reference.
func (Manual) Agree(_ context.Context, c Change) (string, error) { return c.ID.String(), nil }
