package apitest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"sync"

	"github.com/google/uuid"

	"github.com/signalcraft/signalcraft/api"
	"github.com/signalcraft/signalcraft/pipelines/kpi"
)

// Uploads keeps small files in memory, for scenarios about who may send and see them: how files are read and landed is tested
// where the real readers and a lake are. A file is text of two columns under a header and holds one KPI, called by its id.
type Uploads struct {
	mu    sync.Mutex
	files map[uuid.UUID][]byte
}

var _ api.Uploads = (*Uploads)(nil)

// Limit is 64 KiB.
func (u *Uploads) Limit() int64 { return 64 << 10 }

// Receive keeps body.
func (u *Uploads) Receive(ctx context.Context, id uuid.UUID, body io.Reader) (int64, string, error) {
	text, err := io.ReadAll(io.LimitReader(body, u.Limit()+1))
	if err != nil {
		return 0, "", fmt.Errorf("keep upload %s: %w", id, err)
	}
	if int64(len(text)) > u.Limit() {
		return 0, "", api.ErrUploadTooLarge
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.files[id] = text
	digest := sha256.Sum256(text)
	return int64(len(text)), hex.EncodeToString(digest[:]), ctx.Err()
}

// Inspect proposes the one KPI.
func (u *Uploads) Inspect(_ context.Context, id uuid.UUID, about api.UploadBusiness, _ api.UploadChoices) (*api.UploadInspection, error) {
	u.mu.Lock()
	text, kept := u.files[id]
	u.mu.Unlock()
	if !kept {
		return nil, &api.UploadFault{Field: "file", Issue: "the file is no longer here: send it again"}
	}
	if header, _, lines := bytes.Cut(text, []byte("\n")); !lines || bytes.Count(header, []byte(",")) != 1 {
		return nil, &api.UploadFault{Field: "file", Issue: "the first line does not name two columns"}
	}
	preview := api.UploadPreview{Format: "delimited", Compression: "none", Encoding: "utf-8", Delimiter: "comma", Sheets: []string{}, HeaderRow: 1,
		Columns: []api.UploadColumn{{Name: "date", Type: "time", Examples: []string{}}, {Name: "value", Type: "number", Examples: []string{}}}, TimeColumns: []string{"date"},
		TimeForms: []string{}, DecimalMark: "point", ThousandsMark: "none", TimeZone: about.TimeZone, Shape: "long", ValueColumn: "value", KeyColumns: []string{},
		KPIs:   []api.UploadKPI{{Key: []string{}, Name: "KPI of " + id.String(), Aggregation: "sum", Grain: "day"}},
		Sample: []api.UploadRow{}, Ambiguous: []api.UploadQuestion{}}
	return &api.UploadInspection{Preview: preview, Spec: func(ids []uuid.UUID) (json.RawMessage, error) {
		return json.Marshal(kpi.Spec{Time: []string{"date"}, Value: "value", KPIs: []kpi.Series{{KPIID: ids[0].String()}}})
	}}, nil
}

// Land does nothing.
func (u *Uploads) Land(context.Context) error { return nil }

// Replace calls the file of by the file of id.
func (u *Uploads) Replace(_ context.Context, id, by uuid.UUID) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.files[id] = u.files[by]
	delete(u.files, by)
	return nil
}

// Discard forgets the file.
func (u *Uploads) Discard(_ context.Context, id uuid.UUID) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	delete(u.files, id)
	return nil
}
