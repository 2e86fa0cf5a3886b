package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"mime/multipart"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/signalcraft/signalcraft/api/auth"
	"github.com/signalcraft/signalcraft/api/store"
	"github.com/signalcraft/signalcraft/api/store/storetest"
)

// sender is somebody who sends files to a running installation.
type sender struct {
	*installation
	address, token, business string
	email, password          string
	signedIn                 time.Time
}

const senderPassword = "a long enough password"

// newSender runs the API in this process, and scheduler and workers if work, for a user with one business, and signs the user in. Changes
// are made to the settings first.
func newSender(t *testing.T, work bool, changes ...func(*Settings)) *sender {
	t.Helper()
	settings := testSettings(t.TempDir())
	for _, change := range changes {
		change(settings)
	}
	settings.DatabaseURL = storetest.New(t).URL("")
	i := opened(t, settings)
	setup := store.Setup{User: store.User{ID: id("sender"), Email: "sender@example.org", Name: "Sender"}, PasswordHash: senderHash(t),
		Businesses: []store.Business{{ID: id("cafe"), Name: "Cafe", TimeZone: "Europe/Paris", Currency: "EUR", Country: "FR"}}}
	if _, err := i.data.AddSetup(t.Context(), setup); err != nil {
		t.Fatal(err)
	}
	return serveFor(t, i, "sender@example.org", senderPassword, id("cafe").String(), work)
}

// senderHash is a hash of senderPassword.
func senderHash(t *testing.T) string {
	t.Helper()
	hasher, err := auth.NewHasher(auth.HashConfig{MemoryKiB: 8, Passes: 1})
	if err != nil {
		t.Fatal(err)
	}
	hash, err := hasher.Hash(t.Context(), senderPassword)
	if err != nil {
		t.Fatal(err)
	}
	return hash
}

// serveFor runs the API of an installation in this process, and scheduler and workers if work, and signs a user of a business in.
func serveFor(t *testing.T, i *installation, email, password, business string, work bool) *sender {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	out, printed := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		ended <- i.settings.service(ctx, streams{out: printed, err: io.Discard}, true, work)
		printed.Close()
	}()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("up ended with %v", err)
		}
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("read what up prints: %v", err)
	}
	s := &sender{installation: i, business: business, email: email, password: password,
		address: line[strings.Index(line, "http://"):strings.Index(line, ",")]}
	s.signIn(t)
	return s
}

// signIn gets an access token, which lives for a quarter of an hour.
func (s *sender) signIn(t *testing.T) {
	t.Helper()
	var login struct {
		AccessToken string `json:"access_token"`
	}
	s.signedIn = time.Now()
	s.call(t, http.MethodPost, "/auth/login", "application/json", strings.NewReader(`{"email":"`+s.email+`","password":"`+s.password+`"}`), 200, &login)
	s.token = login.AccessToken
}

// call sends one request and reads the answer, whose status must be want.
func (s *sender) call(t *testing.T, method, path, kind string, body io.Reader, want int, answer any) {
	t.Helper()
	status, text := s.try(t, method, path, kind, body)
	if status != want {
		t.Fatalf("%s %s: status %d, want %d: %s", method, path, status, want, text)
	}
	if answer != nil {
		if err := json.Unmarshal(text, answer); err != nil {
			t.Fatalf("%s %s: read answer %s: %v", method, path, text, err)
		}
	}
}

func (s *sender) try(t *testing.T, method, path, kind string, body io.Reader) (int, []byte) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, s.address+path, body)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+s.token)
	if kind != "" {
		r.Header.Set("Content-Type", kind)
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	return response.StatusCode, text
}

// form returns a form with fields and a file, as curl -F sends it.
func form(t *testing.T, name string, file []byte, fields ...string) (kind string, body io.Reader) {
	t.Helper()
	var out bytes.Buffer
	w := multipart.NewWriter(&out)
	for i := 0; i < len(fields); i += 2 {
		if err := w.WriteField(fields[i], fields[i+1]); err != nil {
			t.Fatal(err)
		}
	}
	part, err := w.CreateFormFile("file", name)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := part.Write(file); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return w.FormDataContentType(), &out
}

// upload is an upload as a client reads it.
type upload struct {
	ID          string
	Status      string
	Problem     string
	Rows        *struct{ Sent, Landed, Unchanged, Rejected, Repeated, LeftOut int64 }
	InMetrics   bool `json:"in_metrics"`
	InForecasts bool `json:"in_forecasts"`
	Preview     struct {
		Format, Delimiter string
		DateOrder         string `json:"date_order"`
		KPIs              []struct {
			Name string
			Key  []string
		}
		Sample    []struct{ Line int64 }
		Ambiguous []struct {
			Field   string
			Choices []struct{ Value, Means string }
		}
	}
}

// send sends a file as a form.
func (s *sender) send(t *testing.T, want int, name string, file []byte, fields ...string) (u upload) {
	t.Helper()
	kind, body := form(t, name, file, append([]string{"business_id", s.business}, fields...)...)
	s.call(t, http.MethodPost, "/data/upload", kind, body, want, &u)
	return u
}

// await asks for an upload twenty times a second until ready says that it is.
func (s *sender) await(t *testing.T, id string, ready func(upload) bool) upload {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	ticker := time.NewTicker(50 * time.Millisecond)
	defer ticker.Stop()
	for {
		var u upload
		s.call(t, http.MethodGet, "/data/uploads/"+id, "", nil, 200, &u)
		if ready(u) {
			return u
		}
		select {
		case <-ctx.Done():
			runs, err := s.data.Runs(t.Context(), "", 20)
			t.Fatalf("upload %s stays %+v; runs are %+v, %v", id, u, runs, err)
		case <-ticker.C:
		}
	}
}

func finished(u upload) bool { return u.Status == "landed" || u.Status == "failed" }

// cafeSales is two years of daily sales up to yesterday, as a till writes them.
func cafeSales(end time.Time) []byte {
	var out bytes.Buffer
	out.WriteString("date,shop,sales (EUR)\n")
	for d := range 730 {
		day := end.AddDate(0, 0, d-730).Format(time.DateOnly)
		for i, shop := range []string{"Lyon", "Nice"} {
			fmt.Fprintf(&out, "%s,%s,%.2f\n", day, shop, 100*float64(i+1)+30*math.Sin(float64(d)*2*math.Pi/7)+float64(d%11))
		}
	}
	return out.Bytes()
}

// TestUploadReachesTheDashboard sends a file as the README's curl does, and waits until metrics and forecasts show it.
func TestUploadReachesTheDashboard(t *testing.T) {
	s := newSender(t, true)
	file := append(cafeSales(s.now()), []byte("2024-13-01,Lyon,1\n\"broken,2\n")...)
	u := s.send(t, http.StatusCreated, "../../etc/till.csv", file, "commit", "auto")
	if u.Status == "previewed" || len(u.Preview.KPIs) != 2 || len(u.Preview.Sample) != 20 {
		t.Fatalf("answer %+v, want it committed, two KPIs and twenty rows", u)
	}
	u = s.await(t, u.ID, finished)
	if u.Rows == nil || u.Rows.Sent != 1462 || u.Rows.Landed != 1460 || u.Rows.Rejected != 2 || u.Rows.Unchanged != 0 {
		t.Fatalf("landed %+v (%s), want 1460 of 1462 values landed and 2 rejected", u.Rows, u.Problem)
	}
	var rejects struct {
		Total   int64
		Rejects []struct {
			Line   int64
			Reason string
			Raw    string
		}
		NextCursor *string `json:"next_cursor"`
	}
	s.call(t, http.MethodGet, "/data/uploads/"+u.ID+"/rejects?limit=1", "", nil, 200, &rejects)
	if rejects.Total != 2 || len(rejects.Rejects) != 1 || rejects.Rejects[0].Line != 1462 || rejects.NextCursor == nil {
		t.Errorf("rejects %+v, want the first of two, of line 1462", rejects)
	}
	s.call(t, http.MethodGet, "/data/uploads/"+u.ID+"/rejects?limit=1&cursor="+*rejects.NextCursor, "", nil, 200, &rejects)
	if len(rejects.Rejects) != 1 || rejects.Rejects[0].Line != 1463 || rejects.NextCursor != nil {
		t.Errorf("rejects %+v, want the second, of line 1463", rejects)
	}
	again := s.send(t, http.StatusOK, "other.csv", file, "commit", "auto")
	if again.ID != u.ID || again.Status != "landed" {
		t.Errorf("the same bytes again: %s %s, want %s landed", again.ID, again.Status, u.ID)
	}
	s.await(t, u.ID, func(u upload) bool { return u.InMetrics && u.InForecasts })
	for _, list := range []string{"metrics", "forecasts"} {
		_, text := s.try(t, http.MethodGet, "/dashboard/"+list+"/"+s.business, "", nil)
		if n := strings.Count(string(text), `"day"`); n < 30 {
			t.Errorf("%s hold %d days: %.400s", list, n, text)
		}
	}
}

// TestAmbiguousUploads must be decided by their sender.
func TestAmbiguousUploads(t *testing.T) {
	s := newSender(t, true)
	u := s.send(t, http.StatusCreated, "till.csv", []byte("day;sales\n03/04/2026;1,234\n04/04/2026;2,345\n"), "commit", "auto")
	fields := map[string]bool{}
	for _, q := range u.Preview.Ambiguous {
		fields[q.Field] = true
	}
	if u.Status != "previewed" || !fields["date_order"] || !fields["decimal_mark"] {
		t.Fatalf("answer %+v, want it to wait for date_order and decimal_mark", u)
	}
	path := "/data/uploads/" + u.ID
	status, text := s.try(t, http.MethodPost, path+"/commit", "application/json", strings.NewReader(`{"date_order":"DMY"}`))
	if status != http.StatusBadRequest || !strings.Contains(string(text), "decimal_mark") {
		t.Errorf("commit without decimal_mark: %d %s, want 400 that names it", status, text)
	}
	s.call(t, http.MethodPost, path+"/commit", "application/json", strings.NewReader(`{"date_order":"MDY","decimal_mark":"comma","kpis":[{"name":"Sales","unit":"EUR","currency":"EUR"}]}`), 200, &u)
	u = s.await(t, u.ID, finished)
	if u.Rows == nil || u.Rows.Landed != 2 {
		t.Fatalf("landed %+v (%s), want 2", u.Rows, u.Problem)
	}
	var points []struct {
		At    string  `json:"at"`
		Value float64 `json:"value"`
	}
	(&scenario{installation: s.installation}).ask(t, &points, `select cast("at" as varchar) as "at", value from raw.kpi_points order by "at"`)
	if len(points) != 2 || points[0].Value != 1.234 || !strings.HasPrefix(points[0].At, "2026-03-03 23:00") {
		t.Errorf("points %+v, want 1.234 on 4 March in Paris", points)
	}
	if status, text := s.try(t, http.MethodDelete, path, "", nil); status != http.StatusConflict {
		t.Errorf("delete what has landed: %d %s, want 409", status, text)
	}
	dropped := s.send(t, http.StatusCreated, "x.csv", []byte("day;sales\n03/04/2026;1,5\n"))
	list := func(query string) (ids []string, next string) {
		t.Helper()
		var page struct {
			Uploads    []upload
			NextCursor *string `json:"next_cursor"`
		}
		s.call(t, http.MethodGet, "/data/uploads?business_id="+s.business+query, "", nil, 200, &page)
		for _, u := range page.Uploads {
			ids = append(ids, u.ID+" "+u.Status)
		}
		if page.NextCursor != nil {
			next = *page.NextCursor
		}
		return ids, next
	}
	newest, landed := dropped.ID+" previewed", u.ID+" landed"
	if ids, next := list(""); !slices.Equal(ids, []string{newest, landed}) || next != "" {
		t.Errorf("uploads %v, next %q; want the newest first", ids, next)
	}
	if ids, _ := list("&status=previewed"); !slices.Equal(ids, []string{newest}) {
		t.Errorf("uploads that wait: %v, want one", ids)
	}
	ids, next := list("&limit=1")
	if rest, last := list("&limit=1&cursor=" + next); !slices.Equal(append(ids, rest...), []string{newest, landed}) || next == "" || last != "" {
		t.Errorf("in pages: %v, then %v; want one on each of two", ids, rest)
	}
	s.call(t, http.MethodDelete, "/data/uploads/"+dropped.ID, "", nil, http.StatusNoContent, nil)
	s.call(t, http.MethodGet, "/data/uploads/"+dropped.ID, "", nil, http.StatusNotFound, nil)
}
