package remote

import (
	"net/url"
	"regexp"
	"strings"
)

// sheetPath is the path of a spreadsheet of Google's, shared by its id or published under another.
var sheetPath = regexp.MustCompile(`^/spreadsheets/(?:u/\d+/)?d/(e/)?([A-Za-z0-9_-]+)(?:/(.*))?$`)

// normalSheet returns the address under which a published sheet answers with CSV. People copy what stands in
// their browser: .../edit#gid=7 of a shared sheet, or .../pubhtml of a published one. Addresses elsewhere stay as they are.
func normalSheet(text string) string {
	u, err := url.Parse(strings.TrimSpace(text))
	if err != nil || !strings.EqualFold(u.Host, "docs.google.com") {
		return text
	}
	m := sheetPath.FindStringSubmatch(u.Path)
	if m == nil {
		return text
	}
	query, fragment := u.Query(), url.Values{}
	if values, err := url.ParseQuery(u.Fragment); err == nil {
		fragment = values
	}
	gid := fragment.Get("gid")
	if gid == "" {
		gid = query.Get("gid")
	}
	if m[1] == "" && m[3] == "gviz/tq" {
		u.Fragment = ""
		return u.String() // asked for as CSV by whoever wrote it
	}
	wanted := url.Values{"format": {"csv"}}
	u.Path = "/spreadsheets/d/" + m[2] + "/export"
	if m[1] != "" {
		wanted = url.Values{"output": {"csv"}}
		u.Path = "/spreadsheets/d/e/" + m[2] + "/pub"
		if gid != "" {
			wanted.Set("single", "true")
		}
	}
	if gid != "" {
		wanted.Set("gid", gid)
	}
	u.RawPath, u.RawQuery, u.Fragment, u.RawFragment = "", wanted.Encode(), "", ""
	return u.String()
}
