package remote

import "testing"

func TestSheetAddresses(t *testing.T) {
	const root = "https://docs.google.com/spreadsheets/d/"
	for given, want := range map[string]string{
		root + "1aB_c-D/edit#gid=7":                                       root + "1aB_c-D/export?format=csv&gid=7",
		root + "1aB_c-D/edit?gid=7#gid=7":                                 root + "1aB_c-D/export?format=csv&gid=7",
		root + "1aB_c-D/edit?usp=sharing":                                 root + "1aB_c-D/export?format=csv",
		root + "1aB_c-D":                                                  root + "1aB_c-D/export?format=csv",
		root + "1aB_c-D/htmlview?gid=3":                                   root + "1aB_c-D/export?format=csv&gid=3",
		"https://docs.google.com/spreadsheets/u/1/d/1aB/edit#gid=0":       root + "1aB/export?format=csv&gid=0",
		root + "1aB/export?format=csv&gid=5":                              root + "1aB/export?format=csv&gid=5",
		root + "1aB/gviz/tq?tqx=out:csv&sheet=Sales":                      root + "1aB/gviz/tq?tqx=out:csv&sheet=Sales",
		root + "e/2PACX-1v/pubhtml":                                       root + "e/2PACX-1v/pub?output=csv",
		root + "e/2PACX-1v/pubhtml?gid=9&single=true":                     root + "e/2PACX-1v/pub?gid=9&output=csv&single=true",
		root + "e/2PACX-1v/pub?output=csv":                                root + "e/2PACX-1v/pub?output=csv",
		"https://cloud.example.com/s/abc/download":                        "https://cloud.example.com/s/abc/download",
		"https://docs.google.com.example.com/spreadsheets/d/x/edit":       "https://docs.google.com.example.com/spreadsheets/d/x/edit",
		"https://docs.google.com@example.com/spreadsheets/d/x/edit#gid=1": "https://docs.google.com@example.com/spreadsheets/d/x/edit#gid=1",
		"http://[broken":                                                  "http://[broken",
	} {
		if got := normalSheet(given); got != want {
			t.Errorf("%s becomes %s, want %s", given, got, want)
		}
	}
}

func TestQueriesThatAreNoSelect(t *testing.T) {
	for query, ok := range map[string]bool{
		"select 1": true, "SELECT 1;": true, " \n(select 1)": true, "with a as (select 1) select * from a": true, "values (1)": true, "-- why\n/* and */ select 1": true,
		"": false, "--": false, "/*": false, "insert into a values (1)": false, "table a": false, "; select 1": false, "selection": false, "begin; select 1": false, "\x00select 1": false,
	} {
		if got := checkQuery(query) == ""; got != ok {
			t.Errorf("%q: taken %v, want %v", query, got, ok)
		}
	}
}
