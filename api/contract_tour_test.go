package api_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/signalcraft/signalcraft/api/apitest"
	"github.com/signalcraft/signalcraft/pipelines/kpi/remote"
)

// tour is the campaign's guided part: a newcomer does, in order, what needs a mailed token, a code of a second factor, a
// signature, a WebSocket, or something that was just made. Random requests get there rarely or never. Every answer is judged as the
// others are.
type tour struct {
	*contractCampaign
	pool  *pgxpool.Pool
	count int
	// at is what {id} and other names in paths and bodies stand for.
	at map[string]string
}

// tourist is the newcomer.
var tourist = apitest.User{Email: "tourist@example.com", Password: "lantern orbit pickle Thursday"}

// ask asks an operation once; it must succeed. The body may be a file's text, the headers of a request without a body, or what
// becomes JSON. Of the answer, fields are kept under the names given: field=name.
func (u *tour) ask(who *contractCaller, id, query string, body any, keep ...string) map[string]any {
	u.t.Helper()
	u.count++
	u.Clock.Advance(time.Second)
	r := &oddRequest{operation: u.operation(id)}
	r.method, r.target = r.operation.method, u.fill(r.operation.path)+u.fill(query)
	switch b := body.(type) {
	case nil:
	case string:
		r.body = []byte(u.fill(b))
		r.headers = append(r.headers, [2]string{"Content-Type", "text/csv"})
	case http.Header:
		for name := range b {
			r.headers = append(r.headers, [2]string{name, b.Get(name)})
		}
	default:
		text, err := json.Marshal(b)
		if err != nil {
			u.t.Fatal(err)
		}
		r.body = []byte(u.fill(string(text)))
		r.headers = append(r.headers, [2]string{"Content-Type", "application/json"})
		if id == "pushData" {
			r.headers = append(r.headers, [2]string{"X-Signalcraft-Signature", u.signature(r.body)})
		}
	}
	answer := u.send(r, who, fmt.Sprintf("campaign-tour-%d", u.count))
	if answer.Status >= 300 {
		u.t.Errorf("the tour's %s %s %s: %d %.300s, want it to succeed", id, r.method, r.target, answer.Status, answer.Body)
	}
	var fields map[string]any
	_ = json.Unmarshal(answer.Body, &fields) // not every answer is an object
	for _, pair := range keep {
		field, name, _ := strings.Cut(pair, "=")
		if u.at[name] = fmt.Sprint(fields[field]); fields[field] == nil {
			u.t.Errorf("the tour's %s: no field %s in %.300s", id, field, answer.Body)
		}
	}
	return fields
}

// fill puts what is known in place of {name}.
func (u *tour) fill(text string) string {
	for name, value := range u.at {
		text = strings.ReplaceAll(text, "{"+name+"}", value)
	}
	return text
}

func (u *tour) operation(id string) *contractOperation {
	for _, o := range u.operations {
		if o.id == id {
			return o
		}
	}
	u.t.Fatalf("no operation %s", id)
	return nil
}

// mailed returns the token of the newest mail of a kind.
func (u *tour) mailed(kind string) string {
	u.t.Helper()
	var body string
	if err := u.pool.QueryRow(u.t.Context(), `select body from mails where kind = $1 order by created_at desc, id desc limit 1`, kind).Scan(&body); err != nil {
		u.t.Fatalf("mail %s: %v", kind, err)
	}
	token := tokenLine.FindStringSubmatch(body)
	if token == nil {
		u.t.Fatalf("no token in %q", body)
	}
	u.secrets[token[1]] = true
	return token[1]
}

func (u *tour) signature(body []byte) string {
	at := fmt.Sprint(u.Clock.Now().Unix())
	mac := hmac.New(sha256.New, []byte(u.at["push_key"]))
	_, _ = mac.Write(append([]byte(at+"."), body...)) // never fails
	return fmt.Sprintf("t=%s,v1=%x", at, mac.Sum(nil))
}

// do makes the tour, from registration to the end of the account.
func (u *tour) do() {
	u.secrets[tourist.Password] = true
	who, nobody := &contractCaller{name: "tourist"}, &contractCaller{name: "stranger"}
	u.ask(nobody, "register", "", members{"email": tourist.Email, "password": tourist.Password, "full_name": "Tourist"})
	u.Clock.Advance(time.Minute) // after which another mail goes out
	u.ask(nobody, "resendVerification", "", members{"email": tourist.Email})
	u.ask(nobody, "verifyEmail", "", members{"token": u.mailed("verify_email")})
	signIn := func() {
		who.token = fmt.Sprint(u.ask(nobody, "login", "", members{"email": tourist.Email, "password": tourist.Password})["access_token"])
	}
	signIn()
	u.account(who, nobody)
	u.ask(who, "createBusiness", "", bakery(), "id=id", "id=business")
	u.business(who)
	u.people(who)
	u.data(who)
	u.live(who)
	u.ask(nobody, "resetPassword", "", members{"email": tourist.Email})
	u.ask(nobody, "confirmResetPassword", "", members{"token": u.mailed("reset_password"), "new_password": "another four unrelated words"})
	signInAgain := members{"email": tourist.Email, "password": "another four unrelated words"}
	who.token = fmt.Sprint(u.ask(nobody, "login", "", signInAgain)["access_token"])
	u.ask(who, "changePassword", "", members{"current_password": "another four unrelated words", "new_password": tourist.Password})
	u.at["id"] = u.at["business"]
	u.ask(who, "deleteBusiness", "", nil)
	u.ask(who, "deleteUser", "", members{"password": tourist.Password})
}

// account turns a second factor on, uses it and takes it away.
func (u *tour) account(who, nobody *contractCaller) {
	enrolled := u.ask(who, "enrolTOTP", "", nil)
	program := apitest.Authenticator{Secret: fmt.Sprint(enrolled["secret"]), Clock: u.Clock.Now}
	code := func() string {
		u.Clock.Advance(30 * time.Second) // each is good once
		return program.Code(u.t, 0)
	}
	who.token = fmt.Sprint(u.ask(who, "confirmTOTP", "", members{"code": code()})["access_token"])
	half := u.ask(nobody, "login", "", members{"email": tourist.Email, "password": tourist.Password})
	whole := u.ask(nobody, "verifyMFA", "", members{"mfa_token": half["mfa_token"], "code": code()})
	u.ask(nobody, "refresh", "", members{"refresh_token": whole["refresh_token"]}, "refresh_token=refresh")
	u.ask(nobody, "logout", "", members{"refresh_token": u.at["refresh"]})
	who.token = fmt.Sprint(u.ask(who, "proveIdentity", "", members{"password": tourist.Password, "code": code()})["access_token"])
	u.ask(who, "replaceRecoveryCodes", "", nil)
	u.ask(who, "removeTOTP", "", nil)
	u.ask(who, "endSessions", "", nil)
}

func (u *tour) business(who *contractCaller) {
	b := bakery()
	u.ask(who, "updateBusiness", "", members{"version": 1, "name": "Corner Cakes", "time_zone": b.TimeZone, "currency": b.Currency, "country": b.Country})
	u.ask(who, "savePreferences", "", somePreferences())
	u.ask(who, "addCalendarEntry", "", fair(), "id=entry_id")
	u.ask(who, "changeCalendarEntry", "", fair())
	u.ask(who, "deleteCalendarEntry", "", nil)
	made := u.ask(who, "createAPIKey", "", members{"business_id": "{business}", "name": "tour", "scopes": []string{"read"}})
	u.at["id"] = fmt.Sprint(made["api_key"].(map[string]any)["id"])
	u.ask(who, "deleteAPIKey", "", nil)
	u.ask(who, "createAlert", "", members{"business_id": "{business}", "name": "low", "condition": "anomaly"}, "id=id")
	u.ask(who, "updateAlert", "", members{"name": "lower", "condition": "missing"})
	u.ask(who, "deleteAlert", "", nil)
	u.at["id"] = u.at["business"]
}

// people invites Nobody, who joins, is promoted and leaves.
func (u *tour) people(who *contractCaller) {
	guest := &contractCaller{name: "guest", user: &u.World.Nobody}
	u.signIn(guest)
	invite := members{"email": u.World.Nobody.Email, "role": "viewer"}
	u.ask(who, "createInvitation", "", invite, "id=invitation_id")
	u.ask(who, "deleteInvitation", "", nil)
	u.ask(who, "createInvitation", "", invite)
	u.ask(guest, "acceptInvitation", "", members{"token": u.mailed("invitation")})
	u.at["user_id"] = u.World.Nobody.ID.String()
	u.ask(who, "changeMember", "", members{"role": "analyst"})
	u.ask(who, "removeMember", "", nil)
}

// data makes a source that is pushed to, one that is read, and an upload.
func (u *tour) data(who *contractCaller) {
	source := members{"name": "pushed", "kind": "push", "kpis": []members{{"name": "Pushed"}}}
	source["business_id"] = "{business}"
	u.ask(who, "createSource", "", source, "id=id", "push_key=push_key")
	delete(source, "business_id")
	u.ask(who, "rotateSourceKey", "", nil, "push_key=push_key")
	u.ask(&contractCaller{name: "till"}, "pushData", "", members{"points": []members{{"kpi": "Pushed", "at": u.Clock.Now().Format("2006-01-02T15:04:05Z"), "value": 7}}})
	source["name"] = "pushed to"
	u.ask(who, "updateSource", "", source)
	shop := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("day,value\n2026-03-01,7\n")) }))
	defer shop.Close()
	before := u.Sources.Reader
	here := netip.MustParseAddrPort(strings.TrimPrefix(shop.URL, "http://"))
	u.Sources.Reader = remote.New(remote.Config{Allow: []netip.Prefix{netip.PrefixFrom(here.Addr(), 32)}, Ports: []uint16{here.Port()}})
	u.ask(who, "createSource", "", members{"business_id": "{business}", "name": "read", "kind": "http", "http": members{"url": shop.URL, "format": "csv"},
		"mapping": members{"time": []string{"day"}, "value": "value"}, "kpis": []members{{"name": "Read"}}}, "id=id")
	u.ask(who, "testSource", "", nil)
	u.ask(who, "runSource", "", nil)
	u.ask(who, "deleteSource", "", nil)
	u.Sources.Reader = before
	u.ask(who, "createUpload", "?business_id={business}&name=a.csv", "day,value\n2026-03-01,7\n", "id=id")
	u.ask(who, "deleteUpload", "", nil)
	u.ask(who, "createUpload", "?business_id={business}&name=b.csv", "day,value\n2026-03-02,7\n", "id=id")
	u.ask(who, "commitUpload", "", members{})
	u.ask(who, "listUploads", "?business_id={business}", nil)
	u.ask(who, "getUpload", "", nil)
	u.ask(who, "listUploadRejects", "", nil)
	u.at["id"] = u.at["business"]
	kpi := u.ask(who, "listKPIs", "", nil)["kpis"].([]any)[0].(map[string]any)
	u.at["kpi_id"] = fmt.Sprint(kpi["id"])
	u.ask(who, "updateKPI", "", members{"name": "Renamed", "aggregation": "sum", "non_negative": false, "is_active": true, "version": kpi["version"]})
	u.ask(who, "exportData", "?table="+fmt.Sprint(u.enum("exportData", "table")), nil)
	u.ask(who, "queryDashboardMetrics", "", members{"business_id": "{business}"})
	u.ask(who, "upgrade", "", members{"business_id": "{business}", "tier": "pro"})
	u.ask(who, "updateProfile", "", members{"full_name": "Tom Tourist"})
	u.ask(who, "getSubscription", "?business_id={business}", nil)
	for _, id := range []string{"getDashboardMetrics", "getDashboardNews", "getDashboardForecasts", "getDashboardAnomalies", "getDashboardTrends", "getDashboardWeather",
		"getDashboardSummary", "getProfile", "exportUser", "listBusinesses", "getBusiness", "getPreferences", "listMembers", "listInvitations", "listBusinessAudit",
		"listAlerts", "listSources", "listNotifications", "listSessions", "getMFA", "listAPIKeys", "listCalendar", "getLiveness", "getReadiness", "getSigningKeys"} {
		u.ask(who, id, "", nil)
	}
}

// enum returns the first value that a parameter of an operation may have.
func (u *tour) enum(id, parameter string) any {
	for _, p := range u.operation(id).parameters {
		if p["name"] == parameter {
			return u.resolve(p["schema"])["enum"].([]any)[0]
		}
	}
	u.t.Fatalf("%s has no parameter %s", id, parameter)
	return nil
}

// newSession signs somebody in and returns the session's id.
func (u *tour) newSession(user apitest.User) string {
	return login(u.t, u.Service, user).Session.ID
}

// live reads a notification and opens both streams; an operator runs a job.
func (u *tour) live(who *contractCaller) {
	u.at["id"] = "0192f0c1-cccc-7000-8000-00000000feed"
	if _, err := u.pool.Exec(u.t.Context(), `insert into notifications (business_id, id, user_id, kind, title) select $1::uuid, $2::uuid, id, 'alert', 'tour' from users where email = $3`,
		u.at["business"], u.at["id"], tourist.Email); err != nil {
		u.t.Fatal(err)
	}
	u.ask(who, "readNotification", "", nil)
	u.ask(who, "streamEvents", "", nil)
	u.ask(who, "connectEvents", "", http.Header{"Connection": {"Upgrade"}, "Upgrade": {"websocket"}, "Sec-Websocket-Version": {"13"}, "Sec-Websocket-Key": {"dGhlIHNhbXBsZSBub25jZQ=="}})
	bob := &contractCaller{name: "operator", user: &u.World.Bob}
	u.signIn(bob)
	u.at["id"] = u.newSession(tourist)
	u.ask(who, "endSession", "", nil)
	u.at["id"] = u.newSession(tourist)
	u.ask(bob, "adminEndSession", "", nil)
	for _, id := range []string{"adminListUsers", "adminListSessions", "adminListJobs", "adminListRuns", "adminListAudit", "adminVerifyAudit", "adminRotateSigningKey"} {
		u.ask(bob, id, "", nil)
	}
	u.at["id"] = "nightly"
	u.ask(bob, "adminRunJob", "", nil)
	u.at["id"] = u.World.Vic.ID.String()
	u.ask(bob, "adminUpdateUser", "", members{"is_active": true, "is_operator": false})
}
