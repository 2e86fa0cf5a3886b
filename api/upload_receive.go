package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"github.com/google/uuid"

	"github.com/signalcraft/signalcraft/api/auth"
	"github.com/signalcraft/signalcraft/api/store"
)

// The stable codes of uploads.
const (
	codeUploadsPending = "TOO_MANY_UPLOADS"
	codeUploadState    = "UPLOAD_STATE"
)

const (
	// maxPending is how many files of a business may wait to be committed.
	maxPending = 20
	// maxFieldBytes bounds one field of a form beside the file, maxFields their number.
	maxFieldBytes = 512 << 10
	maxFields     = 12
	// uploadTime bounds the sending of one file.
	uploadTime = 15 * time.Minute
)

type uploadInput struct {
	BusinessID  string `query:"business_id" doc:"Business whose file this is; a form may have it as a field instead, before the file" format:"uuid" example:"0192f0c1-9d10-7f00-8a11-0c0ffee0cafe"`
	Name        string `query:"name" doc:"What to call the file; its own name when left out" maxLength:"200" example:"till-march.csv"`
	Options     string `query:"options" doc:"Choices as JSON, as commitUpload takes them" maxLength:"8192" example:"{\"date_order\":\"DMY\"}"`
	Commit      string `query:"commit" doc:"auto: commit at once when nothing is ambiguous" enum:"auto" example:"auto"`
	ContentType string `header:"Content-Type" hidden:"true"`

	request *http.Request
	writer  http.ResponseWriter
}

// Resolve keeps the request, whose body is streamed.
func (in *uploadInput) Resolve(c huma.Context) []error {
	in.request, in.writer = humago.Unwrap(c)
	return nil
}

type uploadOutput struct {
	Status int
	Body   uploadAnswer
}

func (s *service) registerUploads() {
	form := &huma.Schema{Type: huma.TypeObject, Required: []string{"file"}, AdditionalProperties: false, Properties: map[string]*huma.Schema{
		"business_id": {Type: huma.TypeString, Format: "uuid", Description: "Business whose file this is; before the file"},
		"name":        {Type: huma.TypeString, Description: "What to call the file"},
		"options":     {Type: huma.TypeString, Description: "Choices as JSON, as commitUpload takes them"},
		"commit":      {Type: huma.TypeString, Enum: []any{"auto"}, Description: "auto: commit at once when nothing is ambiguous"},
		"file":        {Type: huma.TypeString, Format: "binary", Description: "The file"},
	}}
	register(s, huma.Operation{
		OperationID: "createUpload", Method: http.MethodPost, Path: "/data/upload", Tags: []string{"data"},
		Summary: "Send a file of KPI values",
		Description: "Takes CSV, TSV and other delimited text, JSON lines (all plain or gzip), Excel (xlsx) and Parquet, as a form or as the body itself, " +
			"and answers what it understood of it and what is ambiguous. Nothing lands before commitUpload, unless commit is auto and nothing is ambiguous.\n\n" +
			"The same bytes sent twice are the same upload: it answers 200 then, and they land once.",
		DefaultStatus: http.StatusCreated,
	}, s.createUpload)
	// huma would read a body that it knows of into memory; the document is to name it all the same.
	s.huma.OpenAPI().Paths["/data/upload"].Post.RequestBody = &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{
		"multipart/form-data":      {Schema: form},
		"application/octet-stream": {Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}},
		"text/csv":                 {Schema: &huma.Schema{Type: huma.TypeString}},
	}}
	s.registerUploadCommit()
	s.registerUploadStatus()
}

// sent is what a request says beside the file.
type sent struct {
	business uuid.UUID
	name     string
	choices  UploadChoices
	auto     bool
	about    UploadBusiness
}

func (s *service) createUpload(ctx context.Context, in *uploadInput) (*uploadOutput, error) {
	if s.uploads == nil {
		return nil, unavailable(ctx, errors.New("no place for uploads is configured"))
	}
	// A file takes longer than a request may; who is gone is noticed by reading.
	ctx, cancel := context.WithTimeoutCause(context.WithoutCancel(ctx), uploadTime, errSlow)
	defer cancel()
	defer unhurried(ctx, in.writer)()
	if in.request.ContentLength > s.uploads.Limit()+maxFields*maxFieldBytes {
		return nil, byStatus(ctx, http.StatusRequestEntityTooLarge)
	}
	id, err := uuid.NewV7()
	if err != nil {
		return nil, s.fail(ctx, fmt.Errorf("make upload id: %w", err))
	}
	output, err := s.receive(ctx, in, id)
	if err != nil {
		return nil, s.fail(ctx, errors.Join(s.bodyFailed(ctx, err), s.discardUnknown(context.WithoutCancel(ctx), id)))
	}
	return output, nil
}

// discardUnknown removes a file that was received, unless it belongs to an upload by now: that one may be committed again.
func (s *service) discardUnknown(ctx context.Context, id uuid.UUID) error {
	if _, _, err := s.home(ctx, store.HomeUploads, id.String()); !errors.Is(err, store.ErrNotFound) {
		return nil
	}
	return s.uploads.Discard(ctx, id)
}

// unhurried lifts the time limits of the connection for one request, and ends its reading when ctx does.
func unhurried(ctx context.Context, w http.ResponseWriter) (stop func() bool) {
	control := http.NewResponseController(w)
	_, _ = control.SetReadDeadline(time.Time{}), control.SetWriteDeadline(time.Time{}) // a writer without deadlines has no limits to lift
	return context.AfterFunc(ctx, func() { _ = control.SetReadDeadline(time.Unix(1, 0)) })
}

// bodyFailed translates what went wrong while the body was read.
func (s *service) bodyFailed(ctx context.Context, err error) error {
	var broken *bodyError
	var fault *UploadFault
	switch {
	case errors.Is(err, ErrUploadTooLarge):
		return byStatus(ctx, http.StatusRequestEntityTooLarge)
	case ctx.Err() != nil && errors.As(err, &broken):
		return byStatus(ctx, http.StatusRequestTimeout)
	case errors.As(err, &broken), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, multipart.ErrMessageTooLarge):
		return invalid(ctx, "body", "body", "the body ended early or is not framed right")
	case errors.As(err, &fault):
		return invalid(ctx, "body", fault.Field, fault.Issue)
	}
	return err
}

// receive takes in the request, and answers with the preview.
func (s *service) receive(ctx context.Context, in *uploadInput, id uuid.UUID) (*uploadOutput, error) {
	r := &sent{name: in.Name, auto: in.Commit == "auto"}
	if in.BusinessID != "" {
		if err := r.set(ctx, "query", "business_id", in.BusinessID); err != nil {
			return nil, err
		}
	}
	if in.Options != "" {
		if err := r.set(ctx, "query", "options", in.Options); err != nil {
			return nil, err
		}
	}
	kind, parameters, _ := mime.ParseMediaType(in.ContentType) // a type that is not understood is that of a plain body
	var size int64
	var content string
	var err error
	if kind == "multipart/form-data" {
		size, content, err = s.receiveForm(ctx, multipart.NewReader(in.request.Body, parameters["boundary"]), r, id)
	} else {
		size, content, err = s.receiveFile(ctx, in.request.Body, r, id)
	}
	if err != nil {
		return nil, err
	}
	if size == 0 {
		return nil, invalid(ctx, "body", "file", "the file is empty")
	}
	r.name = cleanName(r.name)
	return s.keep(ctx, r, store.NewUpload{ID: id, Name: r.name, Content: content, SizeBytes: size})
}

func cleanName(name string) string {
	if name = strings.TrimSpace(auth.Printable(name, 200)); name == "" {
		return "upload"
	}
	return name
}

// set takes in a field beside the file.
func (r *sent) set(ctx context.Context, in, field, value string) (err error) {
	switch field {
	case "business_id":
		if r.business, err = uuid.Parse(value); err != nil {
			return invalid(ctx, in, field, "not an id")
		}
	case "name":
		r.name = value
	case "commit":
		if r.auto = value == "auto"; !r.auto {
			return invalid(ctx, in, field, "expected auto")
		}
	case "options":
		decoder := json.NewDecoder(strings.NewReader(value))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&r.choices); err != nil {
			return invalid(ctx, in, field, "not the choices of commitUpload as JSON")
		}
	default:
		return invalid(ctx, in, auth.Printable(field, 60), "there is no such field")
	}
	return nil
}

// receiveForm reads the parts of a form. Fields may stand before and after the file, but the business before it: who may not
// write there need not send it.
func (s *service) receiveForm(ctx context.Context, form *multipart.Reader, r *sent, id uuid.UUID) (size int64, content string, err error) {
	for range maxFields {
		part, err := form.NextRawPart()
		if errors.Is(err, io.EOF) {
			if content == "" {
				return 0, "", invalid(ctx, "body", "file", "the form has no file")
			}
			return size, content, nil
		}
		if err != nil {
			return 0, "", formError(ctx, err)
		}
		if part.FormName() != "file" {
			value, err := io.ReadAll(io.LimitReader(part, maxFieldBytes+1))
			if err != nil {
				return 0, "", formError(ctx, err)
			}
			if len(value) > maxFieldBytes {
				return 0, "", invalid(ctx, "body", auth.Printable(part.FormName(), 60), "the field is too long")
			}
			if err := r.set(ctx, "body", part.FormName(), string(value)); err != nil {
				return 0, "", err
			}
			continue
		}
		if content != "" {
			return 0, "", invalid(ctx, "body", "file", "the form has two files")
		}
		if r.name == "" {
			r.name = part.FileName()
		}
		if size, content, err = s.receiveFile(ctx, part, r, id); err != nil {
			return 0, "", err
		}
	}
	return 0, "", invalid(ctx, "body", "body", "the form has too many fields")
}

// formError keeps what tells that the connection broke; anything else is the form's fault.
func formError(ctx context.Context, err error) error {
	var broken *bodyError
	if errors.As(err, &broken) || errors.Is(err, ErrUploadTooLarge) {
		return err
	}
	return invalid(ctx, "body", "body", "the form is not framed right")
}

// receiveFile keeps the file, if the caller may write in the business.
func (s *service) receiveFile(ctx context.Context, body io.Reader, r *sent, id uuid.UUID) (size int64, content string, err error) {
	if r.business == uuid.Nil {
		return 0, "", invalid(ctx, "body", "business_id", "expected before the file, or as a query parameter")
	}
	err = s.readBusiness(ctx, r.business, func(t *store.MemberTx) error {
		pending, err := t.PendingUploads(ctx)
		if err != nil {
			return err
		}
		if pending >= maxPending { // looked at again, alone, once the file is here
			return tooManyPending(ctx, pending)
		}
		b, err := t.UploadBusiness(ctx)
		r.about = UploadBusiness{TimeZone: b.TimeZone, Currency: b.Currency}
		return err
	})
	if err != nil {
		return 0, "", err
	}
	return s.uploads.Receive(ctx, id, body)
}

func tooManyPending(ctx context.Context, pending int) error {
	return problem(ctx, http.StatusConflict, codeUploadsPending,
		fmt.Sprintf("%d files wait to be committed, or to be committed again since they failed. Commit or delete some first.", pending))
}

// keep inspects a file that was received and notes it, and commits it when that was asked for and nothing is ambiguous: all
// of that or nothing. The same bytes again are the upload they were before; while it may still be committed, the file that came
// now takes the place of its old one, which may be lost.
func (s *service) keep(ctx context.Context, r *sent, u store.NewUpload) (*uploadOutput, error) {
	choices, err := s.knownChoices(ctx, r, u.Content)
	if err != nil {
		return nil, err
	}
	seen, err := s.uploads.Inspect(ctx, u.ID, r.about, choices)
	if err != nil {
		return nil, err
	}
	if u.Choices, err = json.Marshal(choices); err != nil {
		return nil, err
	}
	var id uuid.UUID
	var added bool
	status := store.UploadPreviewed
	err = s.inBusiness(ctx, r.business, func(t *store.MemberTx) error {
		if err := t.Lock(ctx); err != nil {
			return err
		}
		if err := nameUploadKPIs(ctx, t, &seen.Preview); err != nil {
			return err
		}
		if u.Preview, err = json.Marshal(seen.Preview); err != nil {
			return err
		}
		if id, added, err = t.AddUpload(ctx, u); err != nil {
			return err
		}
		noteNamed(ctx, id.String(), u.Name, map[string]any{"bytes": u.SizeBytes, "content": u.Content, "new": added})
		if !added {
			if status, err = t.LockUpload(ctx, id); err != nil || !mayCommit(status) {
				return err
			}
			if err := t.PreviewUpload(ctx, id, u.Choices, u.Preview); err != nil {
				return err
			}
			if err := s.uploads.Replace(ctx, id, u.ID); err != nil { // by the same bytes, so this may stand whatever comes
				return err
			}
		}
		if r.auto && len(seen.Preview.Ambiguous) == 0 {
			status = store.UploadQueued
			return s.addUploaded(ctx, t, store.Upload{ID: id, Name: u.Name}, seen, choices)
		}
		return stillRoom(ctx, t, added)
	})
	if err != nil {
		return nil, err
	}
	if !added {
		if err := s.uploads.Discard(ctx, u.ID); err != nil {
			return nil, err
		}
	}
	if status == store.UploadQueued {
		if err := s.landSoon(ctx); err != nil {
			return nil, err
		}
	}
	answer, err := s.uploadAnswer(ctx, r.business, id)
	if err != nil {
		return nil, err
	}
	if added {
		return &uploadOutput{http.StatusCreated, answer}, nil
	}
	return &uploadOutput{http.StatusOK, answer}, nil
}

// knownChoices returns the sender's choices over those made about the same bytes before.
func (s *service) knownChoices(ctx context.Context, r *sent, content string) (choices UploadChoices, err error) {
	choices = r.choices
	err = s.readBusiness(ctx, r.business, func(t *store.MemberTx) error {
		known, err := t.KnownUpload(ctx, content)
		if errors.Is(err, store.ErrNotFound) {
			return nil
		}
		if err == nil && mayCommit(known.Status) {
			choices, err = choices.overStored(known)
		}
		return err
	})
	return choices, err
}

// stillRoom returns an error when the upload that was added is one too many to wait.
func stillRoom(ctx context.Context, t *store.MemberTx, added bool) error {
	if !added {
		return nil
	}
	pending, err := t.PendingUploads(ctx)
	if err == nil && pending > maxPending {
		err = tooManyPending(ctx, pending-1)
	}
	return err
}

// nameUploadKPIs fills in which KPIs of a preview exist already.
func nameUploadKPIs(ctx context.Context, t *store.MemberTx, p *UploadPreview) error {
	ids, err := t.KPINames(ctx)
	if err != nil {
		return err
	}
	for i := range p.KPIs {
		if id, exists := ids[p.KPIs[i].Name]; exists {
			text := id.String()
			p.KPIs[i].KPIID = &text
		}
	}
	return nil
}
