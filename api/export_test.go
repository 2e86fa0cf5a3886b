package api_test

import (
	"bufio"
	"encoding/csv"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/signalcraft/signalcraft/api"
	"github.com/signalcraft/signalcraft/api/apitest"
)

func TestExportsHoldWhatIsPublished(t *testing.T) {
	t.Parallel()
	s := apitest.Start(t, apitest.Options{})
	token, id := s.Login(t, s.World.Vic), s.World.Cafe.ID.String()
	for table, want := range map[string]int{"metrics": 2 * apitest.MetricDays, "forecasts": 4 * apitest.ForecastDays, "anomalies": 4 * apitest.Anomalies,
		"hours": 24*apitest.HourDays - 1, "trends": 2 * (apitest.MetricDays - 1), "news": apitest.Articles, "weather": apitest.WeatherDays + apitest.WeatherAhead} {
		base, first := "/data/export/"+id+"?table="+table, "2024-03-31"
		if table == "hours" {
			first = "2026-01-01" // of which fewer days are kept
		}
		text := s.Get(t, base, token)
		if text.Status != http.StatusOK || !strings.HasPrefix(text.Header.Get("Content-Type"), "text/csv; charset=utf-8") || text.Header.Get("X-Run-Id") != s.World.RunID.String() ||
			text.Header.Get("X-Freshness") != "fresh" || !strings.HasPrefix(text.Header.Get("Content-Disposition"), `attachment; filename="`+table+"-"+first+".csv") {
			t.Fatalf("%s: %d %v\n%s", base, text.Status, text.Header, s.Log)
		}
		if bytesWithout := strings.ReplaceAll(string(text.Body), "\r\n", ""); strings.ContainsAny(bytesWithout, "\r\n") {
			t.Errorf("%s: a line does not end as RFC 4180 says", table)
		}
		rows, err := csv.NewReader(strings.NewReader(string(text.Body))).ReadAll()
		if err != nil || len(rows) != want+1 {
			t.Fatalf("%s: %d lines, %v; want a header and %d", table, len(rows), err, want)
		}
		var document struct {
			published
			Table string
			Count int
			Rows  []map[string]any
		}
		s.Get(t, base+"&format=json", token).Decode(t, http.StatusOK, &document)
		wantPublished(t, s, document.published, "Europe/Berlin", "fresh")
		if document.Table != table || document.Count != want || len(document.Rows) != want {
			t.Errorf("%s: %d rows, count %d, table %s; want %d", table, len(document.Rows), document.Count, document.Table, want)
		}
		lines := bufio.NewScanner(strings.NewReader(string(s.Get(t, base+"&format=jsonl", token).Body)))
		for n := 0; lines.Scan(); n++ {
			var row map[string]any
			if err := json.Unmarshal(lines.Bytes(), &row); err != nil {
				t.Fatal(err)
			}
			for k, column := range rows[0] {
				if got, text := asCell(row[column]), rows[n+1][k]; got != text || asCell(document.Rows[n][column]) != text {
					t.Fatalf("%s row %d, column %s: %q as a line, %q in the document, %q in CSV", table, n, column, got, asCell(document.Rows[n][column]), text)
				}
			}
		}
	}
	s.Get(t, "/data/export/"+id, token).WantError(t, http.StatusBadRequest, "VALIDATION_ERROR")
	s.Get(t, "/data/export/"+id+"?table=users", token).WantError(t, http.StatusBadRequest, "VALIDATION_ERROR")
	s.Get(t, "/data/export/"+id+"?table=news&from=2026-04-01&to=2026-03-01", token).WantError(t, http.StatusBadRequest, "VALIDATION_ERROR")
	s.Get(t, "/data/export/"+id+"?table=news", s.Login(t, s.World.Bob)).WantError(t, http.StatusNotFound, "NOT_FOUND")
	head := s.Request(t, http.MethodHead, "/data/export/"+id+"?table=news", nil, "Authorization", "Bearer "+token)
	if head.Status != http.StatusOK || head.Header.Get("Content-Disposition") == "" {
		t.Errorf("HEAD: %d %v", head.Status, head.Header)
	}
}

// asCell writes what JSON holds as CSV does.
func asCell(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case bool:
		return strconv.FormatBool(v)
	case float64:
		return strconv.FormatFloat(v, 'g', -1, 64)
	}
	return v.(string)
}

// TestExportedTextIsInert writes what a spreadsheet would run into titles and names.
func TestExportedTextIsInert(t *testing.T) {
	t.Parallel()
	s, owner := startChangeable(t, nil)
	token, cafe := s.Login(t, s.World.Ada), s.World.Cafe
	hostile := map[string]string{
		"=1+1": "'=1+1", "+1": "'+1", "-1": "'-1", "@SUM(A1)": "'@SUM(A1)", "\t=1": "'\t=1", "\r=1": "'\r=1", "\n=1": "'\n=1", " =1": "' =1", `"=1`: `'"=1`, "＝1+1": "'＝1+1",
		"a=b": "a=b", "O'Neill": "O'Neill", "comma, \"quote\"\nline": "comma, \"quote\"\nline", "": "", "5": "5", "Über": "Über",
	}
	execute(t, owner, `delete from serving.news_articles where business_id = $1`, cafe.ID)
	n := 0
	for title := range hostile {
		n++
		execute(t, owner, `insert into serving.news_articles (business_id, url, title, seen_at, day, score) values ($1, $2, $3, '2026-03-30T12:00:00Z', '2026-03-30', -0.5)`,
			cafe.ID, "https://news.example/"+strconv.Itoa(n), title)
	}
	rows, err := csv.NewReader(strings.NewReader(string(s.Get(t, "/data/export/"+cafe.ID.String()+"?table=news", token).Body))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var got, want []string
	for _, row := range rows[1:] {
		got = append(got, row[slices.Index(rows[0], "title")])
		if score := row[slices.Index(rows[0], "score")]; score != "-0.5" {
			t.Errorf("score %q, want the number -0.5", score)
		}
	}
	for _, cell := range hostile {
		want = append(want, cell)
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("titles %q\nwant   %q", got, want)
	}
}

func TestExportKeepsToTheSubscription(t *testing.T) {
	t.Parallel()
	s, owner := startChangeable(t, nil)
	token, cafe := s.Login(t, s.World.Vic), s.World.Cafe
	execute(t, owner, `insert into serving.weather_data (business_id, day, location_id, kind) values ($1, '2024-03-30', 'x', 'archive'), ($1, '2024-03-31', 'x', 'archive'), ($1, '2010-01-01', 'x', 'archive')`, cafe.ID)
	count := func(query string) int {
		t.Helper()
		answer := s.Get(t, "/data/export/"+cafe.ID.String()+"?table=weather&format=jsonl"+query, token)
		if answer.Status != http.StatusOK {
			t.Fatalf("%s: %d %s", query, answer.Status, answer.Body)
		}
		return strings.Count(string(answer.Body), "\n")
	}
	const all = apitest.WeatherDays + apitest.WeatherAhead
	if n := count(""); n != all+1 {
		t.Errorf("free: %d days, want %d: the 730 days before the last run", n, all+1)
	}
	if n := count("&from=2009-01-01&to=2011-01-01"); n != 0 {
		t.Errorf("free: %d days of 2010, want none", n)
	}
	execute(t, owner, `update businesses set subscription_tier = 'enterprise' where id = $1`, cafe.ID)
	if n := count(""); n != all+3 {
		t.Errorf("enterprise: %d days, want all %d", n, all+3)
	}
}

// TestBrokenExportIsCut ends the server's process while rows are on their way: the connection breaks, nobody takes half a file
// for a whole one.
func TestBrokenExportIsCut(t *testing.T) {
	t.Parallel()
	s, owner := startChangeable(t, nil)
	token, cafe := s.Login(t, s.World.Vic), s.World.Cafe
	execute(t, owner, `insert into serving.kpi_data (business_id, kpi_id, day, starts_at, value, points, hours_expected, complete)
		select $1, $2, '2025-01-01'::date - n, '2025-01-01', n, 1, 24, true from generate_series(1, 300000) as n`, cafe.ID, cafe.KPIs[0])
	execute(t, owner, `update businesses set subscription_tier = 'enterprise' where id = $1`, cafe.ID)
	for _, format := range []string{"csv", "json", "jsonl"} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+"/data/export/"+cafe.ID.String()+"?table=metrics&format="+format, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+token)
		response, err := http.DefaultTransport.RoundTrip(r) // which returns with the first rows; more do not fit between the two
		if err != nil {
			t.Fatal(err)
		}
		execute(t, owner, `select pg_terminate_backend(pid) from pg_stat_activity where query like '%ExportMetrics%' and pid <> pg_backend_pid() and datname = current_database()`)
		body, err := io.ReadAll(response.Body)
		if err == nil || response.StatusCode != http.StatusOK {
			t.Errorf("%s: %d, %d bytes came as if they were all", format, response.StatusCode, len(body))
		}
		response.Body.Close()
	}
	if got := s.Get(t, "/data/export/"+cafe.ID.String()+"?table=weather", token); got.Status != http.StatusOK {
		t.Errorf("afterwards: %d, want places free again", got.Status)
	}
}

// TestSlowExportEnds gives an export no time: it ends, and says so or cuts the connection.
func TestSlowExportEnds(t *testing.T) {
	t.Parallel()
	s, _ := startChangeable(t, func(c *api.Config) { c.ExportTime = time.Nanosecond })
	s.Get(t, "/data/export/"+s.World.Cafe.ID.String()+"?table=metrics", s.Login(t, s.World.Ada)).WantError(t, http.StatusServiceUnavailable, "SERVICE_UNAVAILABLE")
}
