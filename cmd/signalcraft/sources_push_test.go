package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
)

// sign returns the header for a body.
func sign(key string, at time.Time, body string) string {
	text := strconv.FormatInt(at.Unix(), 10)
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write([]byte(text + "." + body))
	return "t=" + text + ",v1=" + hex.EncodeToString(mac.Sum(nil))
}

const signatureHeader = "X-SignalCraft-Signature"

type pushed struct {
	Accepted, Rejected int
	Rejects            []struct {
		Index  int
		Reason string
	}
}

func (r *sourcesRoom) push(source, header, body string) (int, pushed, string) {
	r.t.Helper()
	status, text := r.send("POST", "/data/push/"+source, []byte(body), signatureHeader, header)
	var answer pushed
	if status == http.StatusAccepted {
		if err := json.Unmarshal(text, &answer); err != nil {
			r.t.Fatal(err)
		}
	}
	var refused struct {
		Error struct{ Code, Message string }
	}
	if status != http.StatusAccepted {
		if err := json.Unmarshal(text, &refused); err != nil {
			r.t.Fatal(err)
		}
	}
	return status, answer, refused.Error.Code + " " + refused.Error.Message
}

func TestPushedPointsToTheLake(t *testing.T) {
	r := newSourcesRoom(t)
	made := r.create(r.source("push", nil, fields{"kpis": []fields{{"name": "Revenue", "currency": "EUR", "non_negative": true}, {"name": "Steps"}}}))
	if !strings.HasPrefix(made.PushKey, "sck_") || len(made.PushKeys) != 1 {
		t.Fatalf("made %+v, want a key", made)
	}
	if listed := r.list()[made.ID]; listed.PushKey != "" || len(listed.PushKeys) != 1 {
		t.Errorf("listed %+v, want the key's id and not the key", listed)
	}
	token := r.token
	r.token = "" // nobody is signed in
	now := time.Now()
	body := `{"points":[{"kpi":"Revenue","at":"2026-03-01T12:00:00+01:00","value":1},{"kpi":"Revenue","at":"2026-03-02T12:00:00Z","value":2.5},
		{"kpi":"` + made.KPIs[1].ID + `","at":"2026-03-01T12:00:00.123456789Z","value":-1e2},
		{"kpi":"Revenu","at":"2026-03-01T12:00:00Z","value":1},{"kpi":"Revenue","at":"2026-03-01","value":1},{"kpi":"Revenue","at":"2026-03-03T12:00:00Z","value":"1"},
		{"kpi":"Revenue","at":"2026-03-03T12:00:00Z","value":-1},{"kpi":"Revenue","at":"2026-03-03T12:00:00Z","value":1e300},{"kpi":"Revenue","at":"2026-03-02T12:00:00Z","value":2.5},
		{"kpi":"Revenue","at":"2026-03-02T12:00:00Z","value":3},{"kpi":"Revenue","at":"2999-03-02T12:00:00Z","value":3},{"kpi":"Revenue","at":"2026-03-04T12:00:00Z","value":null},{"kpi":"Revenue","at":"2026-03-04T12:00:00Z","value":1,"x":1},7]}`
	header := sign(made.PushKey, now, body)
	status, answer, _ := r.push(made.ID, header, body)
	if status != 202 || answer.Accepted != 3 || answer.Rejected != 11 || answer.Rejects[0].Index != 3 || answer.Rejects[0].Reason != `unknown KPI "Revenu"` {
		t.Fatalf("push: %d %+v, want 3 accepted and 11 rejected", status, answer)
	}
	if status, _, code := r.push(made.ID, header, body); status != 409 || !strings.HasPrefix(code, "ALREADY_RECEIVED") {
		t.Errorf("the same request again: %d %s, want 409", status, code)
	}
	later := `{"points":[{"kpi":"Revenue","at":"2026-03-02T12:00:00Z","value":7}]}`
	if status, _, code := r.push(made.ID, sign(made.PushKey, now, later), later); status != 202 {
		t.Fatalf("correction: %d %s", status, code)
	}
	r.token = token
	if err := r.load(); err != nil {
		t.Fatal(err)
	}
	want := map[string]float64{"Revenue 2026-03-01T11:00:00": 1, "Revenue 2026-03-02T12:00:00": 7, "Steps 2026-03-01T12:00:00": -100}
	if got := r.landed(made.ID); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("landed %v, want %v", got, want)
	}
	s := &scenario{installation: r.installation}
	if points, refused := s.count(t, "raw.kpi_points"), s.count(t, "raw.quarantine"); points != 3 || refused != 11 {
		t.Errorf("the lake holds %d points and %d rejects, want 3 and 11", points, refused)
	}
	if run := r.list()[made.ID].LastRun; run == nil || run.Status != "partial" {
		t.Errorf("last run %+v, want partial", run)
	}
	if status, _, code := r.push(made.ID, header, body); status != 409 {
		t.Errorf("the same request after it has landed: %d %s, want 409", status, code)
	}
	if err := r.load(); err != nil {
		t.Fatal(err)
	}
	if points := s.count(t, "raw.kpi_points"); points != 3 {
		t.Errorf("after another run %d points, want 3", points)
	}
	if strings.Contains(r.log.String(), made.PushKey) {
		t.Error("the log holds the key")
	}
}

func TestPushRefusals(t *testing.T) {
	r := newSourcesRoom(t)
	made, other := r.create(r.source("push", nil)), r.create(r.source("push", nil))
	off := r.create(r.source("push", nil, fields{"active": false}))
	sheet := r.create(r.source("sheet", fields{"url": "https://docs.google.com/spreadsheets/d/x/edit#gid=1"}))
	body := fmt.Sprintf(`{"points":[{"kpi":%q,"at":"2026-03-01T12:00:00Z","value":1}]}`, made.KPIs[0].Name)
	now := time.Now()
	good := sign(made.PushKey, now, body)
	same := "INVALID_SIGNATURE The signature is not valid for this source."
	for name, c := range map[string]struct{ source, header, body, want string }{
		"other key":           {made.ID, sign(other.PushKey, now, body), body, same},
		"absent source":       {uuid.NewString(), good, body, same},
		"other source":        {other.ID, good, body, same},
		"source switched off": {off.ID, sign(off.PushKey, now, body), body, same},
		"source of a kind":    {sheet.ID, good, body, same},
		"key is the id":       {made.ID, sign(made.ID, now, body), body, same},
		"empty key":           {made.ID, sign("", now, body), body, same},
		"body changed":        {made.ID, good, body + " ", same},
		"time changed":        {made.ID, strings.Replace(good, "t="+strconv.FormatInt(now.Unix(), 10), "t="+strconv.FormatInt(now.Unix()+1, 10), 1), body, same},
		"too old":             {made.ID, sign(made.PushKey, now.Add(-6*time.Minute), body), body, "INVALID_SIGNATURE The time of the signature is off by more than five minutes."},
		"too new":             {made.ID, sign(made.PushKey, now.Add(6*time.Minute), body), body, "INVALID_SIGNATURE The time of the signature is off by more than five minutes."},
		"no signature":        {made.ID, "", body, "VALIDATION_ERROR"},
		"no time":             {made.ID, good[strings.Index(good, ",")+1:], body, "VALIDATION_ERROR"},
		"no v1":               {made.ID, good[:strings.Index(good, ",")], body, "VALIDATION_ERROR"},
		"short v1":            {made.ID, good[:len(good)-2], body, "VALIDATION_ERROR"},
		"v0":                  {made.ID, strings.Replace(good, "v1", "v0", 1), body, "VALIDATION_ERROR"},
		"two times":           {made.ID, good + ",t=1", body, "VALIDATION_ERROR"},
		"time with zeros":     {made.ID, strings.Replace(good, "t=", "t=0", 1), body, "VALIDATION_ERROR"},
		"not an id":           {"x", good, body, "VALIDATION_ERROR"},
	} {
		status, _, code := r.push(c.source, c.header, c.body)
		if !strings.HasPrefix(code, c.want) {
			t.Errorf("%s: %d %s, want %s", name, status, code, c.want)
		}
	}
	for name, text := range map[string]string{"no JSON": "x", "empty": "{}", "no points": `{"points":[]}`, "list": "[]", "more": `{"points":[1],"x":1}`, "trailing": body + body, "null": "null", "utf8": "{\"points\":[\"\xff\"]}",
		"too many": `{"points":[` + strings.Repeat("1,", 10_000) + "1]}"} {
		if status, _, code := r.push(made.ID, sign(made.PushKey, now, text), text); status != 400 || !strings.HasPrefix(code, "VALIDATION_ERROR") {
			t.Errorf("body %s: %d %s, want 400", name, status, code)
		}
	}
	large := body + strings.Repeat(" ", 1<<20)
	if status, _, code := r.push(made.ID, sign(made.PushKey, now, large), large); status != 413 {
		t.Errorf("a large body: %d %s, want 413", status, code)
	}
	if status, _, code := r.push(made.ID, sign(other.PushKey, now, body)+","+strings.Split(good, ",")[1], body); status != 202 {
		t.Errorf("two signatures of which one is right: %d %s, want 202", status, code)
	}
	if status, _, code := r.push(made.ID, good, body); status != 409 {
		t.Errorf("the same with one signature: %d %s, want 409", status, code)
	}
}

func TestPushKeyRotation(t *testing.T) {
	r := newSourcesRoom(t)
	made := r.create(r.source("push", nil))
	name := made.KPIs[0].Name
	n := 0
	push := func(key string) int {
		n++
		body := fmt.Sprintf(`{"points":[{"kpi":%q,"at":"2026-03-01T12:00:00Z","value":%d}]}`, name, n)
		status, _, _ := r.push(made.ID, sign(key, time.Now(), body), body)
		return status
	}
	var second, third shownSource
	r.call("POST", "/data/sources/"+made.ID+"/key", nil, 201, &second)
	if second.PushKey == made.PushKey || len(second.PushKeys) != 2 || second.PushKeys[0].ExpiresAt == nil || second.PushKeys[1].ExpiresAt != nil {
		t.Fatalf("rotated: %+v, want two keys of which the older ends", second)
	}
	if a, b := push(made.PushKey), push(second.PushKey); a != 202 || b != 202 {
		t.Errorf("with old and new key: %d and %d, want both accepted", a, b)
	}
	r.call("POST", "/data/sources/"+made.ID+"/key", fields{"overlap_hours": 0}, 201, &third)
	if a, b, c := push(made.PushKey), push(second.PushKey), push(third.PushKey); a != 401 || b != 401 || c != 202 || len(third.PushKeys) != 1 {
		t.Errorf("after a rotation without overlap: %d, %d and %d with %d keys; want the new one alone", a, b, c, len(third.PushKeys))
	}
	r.call("PUT", "/data/sources/"+made.ID, r.source("push", nil, fields{"kpis": []fields{{"name": name}}, "business_id": nil}), 400, nil)
	body := r.source("push", nil, fields{"kpis": []fields{{"name": name}}})
	delete(body, "business_id")
	r.call("PUT", "/data/sources/"+made.ID, body, 200, nil)
	if status := push(third.PushKey); status != 202 {
		t.Errorf("after a change of the source: %d, want the key to stay", status)
	}
}

// TestPushCommand runs the commands of the documentation.
func TestPushCommand(t *testing.T) {
	for _, tool := range []string{"curl", "openssl", "sh"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Fatalf("install %s: %v", tool, err)
		}
	}
	r := newSourcesRoom(t)
	made := r.create(r.source("push", nil, fields{"kpis": []fields{{"name": "Revenue"}}}))
	status, document := r.send("GET", "/openapi.json", nil)
	var d struct {
		Paths map[string]map[string]struct{ Description string }
	}
	if err := json.Unmarshal(document, &d); err != nil || status != 200 {
		t.Fatal(err)
	}
	var script strings.Builder
	for _, line := range strings.Split(d.Paths["/data/push/{id}"]["post"].Description, "\n") {
		if command, ok := strings.CutPrefix(line, "    "); ok {
			script.WriteString(command + "\n")
		}
	}
	command := exec.CommandContext(t.Context(), "sh", "-c", script.String())
	command.Env = append(command.Environ(), "API="+r.base, "SOURCE="+made.ID, "PUSH_KEY="+made.PushKey)
	out, err := command.Output()
	if err != nil || !strings.Contains(string(out), `"accepted":1`) {
		t.Errorf("%s\n%s, %v; want one accepted point", script.String(), out, err)
	}
}
