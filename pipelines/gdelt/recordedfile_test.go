package gdelt_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/signalcraft/signalcraft/pipelines/gdelt"
)

// The sums and counts below were computed from the recorded files with Python,
// splitting at tabs.

func wantEvents(t *testing.T, data []byte) {
	events, rejects := gdelt.ParseEvents(data)
	if len(events) != 96 || len(rejects) != 0 {
		t.Fatalf("%d events and rejects %v, want 96 and none", len(events), rejects)
	}
	tone, yearAgo, placeless, mapped := 0.0, 0, 0, map[string]string{}
	urls := map[string]bool{}
	for _, e := range events {
		tone += *e.Tone
		urls[e.SourceURL] = true
		if e.SQLDay.Equal(time.Date(2018, 10, 24, 0, 0, 0, 0, time.UTC)) {
			yearAgo++
		}
		if e.Place == nil {
			placeless++
		} else {
			mapped[e.Place.FIPS] = text(e.Place.Country)
		}
		if !e.AddedAt.Equal(time.Date(2019, 10, 24, 14, 30, 0, 0, time.UTC)) {
			t.Errorf("event %d added at %s, want 2019-10-24T14:30:00Z", e.ID, e.AddedAt)
		}
	}
	if math.Abs(tone-(-249.22428829573425)) > 1e-9 || yearAgo != 14 || placeless != 4 || len(urls) != 70 {
		t.Errorf("tone sum %v, %d events of a year ago, %d without place, %d pages; want -249.224, 14, 4, 70", tone, yearAgo, placeless, len(urls))
	}
	for fips, iso := range map[string]string{"GM": "DE", "CH": "CN", "RS": "RU", "AS": "AU", "UK": "GB", "JA": "JP", "SF": "ZA", "UP": "UA", "EI": "IE", "TU": "TR"} {
		if mapped[fips] != iso {
			t.Errorf("FIPS %s became %q, want %q", fips, mapped[fips], iso)
		}
	}
	first := events[0]
	if first.ID != 881990832 || first.Code != "139" || first.Actor2 != "VICTORIA" || *first.Goldstein != -7 || first.Mentions != 3 ||
		first.Place.Name != "Vancouver, British Columbia, Canada" || *first.Place.Latitude != 49.25 || *first.Place.Longitude != -123.133 {
		t.Errorf("first event %+v", first)
	}
	if events[1].Code != "040" || events[1].BaseCode != "040" || events[1].RootCode != "04" {
		t.Errorf("second event has codes %s, %s, %s; leading zeros must stay", events[1].Code, events[1].BaseCode, events[1].RootCode)
	}
	if last := events[95]; last.ID != 881992782 || *last.Tone != -12.1951219512195 {
		t.Errorf("last event %+v", last)
	}
}

func wantGKG(t *testing.T, data []byte) {
	records, rejects := gdelt.ParseGKG(data)
	if len(records) != 25 || len(rejects) != 0 {
		t.Fatalf("%d records and rejects %v, want 25 and none", len(records), rejects)
	}
	tone, words, places, bad, placeless := 0.0, int64(0), 0, 0, 0
	for _, r := range records {
		tone += r.Tone.Average
		words += r.Tone.Words
		places += len(r.Locations)
		bad += r.BadLocations
		if len(r.Locations)+r.BadLocations == 0 {
			placeless++
		}
		if r.Title == "" || r.SourceLanguage != "" {
			t.Errorf("record %s: title %q, translated from %q", r.ID, r.Title, r.SourceLanguage)
		}
	}
	if math.Abs(tone-(-28.07491248607922)) > 1e-9 || words != 1128 || places != 21 || bad != 1 || placeless != 20 {
		t.Errorf("tone sum %v, %d words, %d places, %d bad blocks, %d without; want -28.0749, 1128, 21, 1, 20", tone, words, places, bad, placeless)
	}
	if r := records[0]; r.ID != "20230702153000-29" || r.Domain != "tdn.com" || r.Tone.Positive != 5.26315789473684 || r.Tone.Words != 15 || len(r.Themes) != 3 {
		t.Errorf("first record %+v", r)
	}
	// Numeric character references, one of them a no-break space.
	if want := "Suffolk Police trap speeding driver –\u00a0and deal them a double blow"; records[3].Title != want {
		t.Errorf("title %q, want %q", records[3].Title, want)
	}
	if records[13].Title != "Говорит Москва" {
		t.Errorf("title %q, want Говорит Москва", records[13].Title)
	}
}

func wantTranslatedGKG(t *testing.T, data []byte) {
	records, rejects := gdelt.ParseGKG(data)
	if len(records) != 1 || len(rejects) != 0 {
		t.Fatalf("%d records and rejects %v, want 1 and none", len(records), rejects)
	}
	r := records[0]
	if r.ID != "20230417163000-T0" || r.SourceLanguage != "cat" || r.Title != "Alliberen un gamarús atrapat a l'interior d'una xemeneia" ||
		r.Tone.Average != -1.01010101010101 || r.Tone.Words != 89 || len(r.Locations) != 1 || text(r.Locations[0].Country) != "AD" {
		t.Errorf("record %+v", r)
	}
}

func wantZipped(check func(*testing.T, []byte)) func(*testing.T, []byte) {
	return func(t *testing.T, archive []byte) {
		data, err := gdelt.Unzip(archive, "", 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		check(t, data)
		if _, err := gdelt.Unzip(archive, "", int64(len(data))-1); err == nil {
			t.Error("an archive that unpacks past the bound was accepted")
		}
		if _, err := gdelt.Unzip(archive, strings.Repeat("0", 32), 1<<20); err == nil {
			t.Error("an archive with another MD5 was accepted")
		}
		if _, err := gdelt.Unzip(archive[:len(archive)/2], "", 1<<20); err == nil {
			t.Error("half an archive was accepted")
		}
	}
}

func wantFiles(count int, first, last string, sizeBytes int64) func(*testing.T, []byte) {
	return func(t *testing.T, body []byte) {
		files, rejects := gdelt.ParseFileList(body)
		if len(files) != count || len(rejects) != 0 {
			t.Fatalf("%d files and rejects %v, want %d and none", len(files), rejects, count)
		}
		if files[0].Kind != first || files[0].SizeBytes != sizeBytes || files[count-1].Kind != last || files[0].Translated || files[0].At.IsZero() {
			t.Errorf("files %+v, want %s of %d bytes first and %s last", files, first, sizeBytes, last)
		}
		// A tail read with a Range header begins inside a line.
		if cut, rejects := gdelt.ParseFileList(body[20:]); len(cut) != count-1 || len(rejects) != 1 || rejects[0].Item != 1 {
			t.Errorf("tail: %d files and rejects %v, want %d and the first line", len(cut), rejects, count-1)
		}
	}
}

// wantColumns holds the decoders' column numbers against the reference tables.
func wantColumns(count int, first, last string) func(*testing.T, []byte) {
	return func(t *testing.T, body []byte) {
		lines := strings.Split(strings.TrimSpace(string(body)), "\n")[1:]
		if len(lines) != count || strings.Split(lines[0], "\t")[1] != first || strings.Split(lines[count-1], "\t")[1] != last {
			t.Errorf("%d columns from %q to %q, want %d from %s to %s", len(lines), lines[0], lines[len(lines)-1], count, first, last)
		}
		short := []byte(strings.Repeat("x\t", count-2) + "x\n")
		_, events := gdelt.ParseEvents(short)
		_, records := gdelt.ParseGKG(short)
		rejects := map[int][]gdelt.Reject{61: events, 27: records}[count]
		if len(rejects) != 1 || !strings.Contains(rejects[0].Reason, "fields") {
			t.Errorf("a line of %d fields gave rejects %v, want one for its field count", count-1, rejects)
		}
	}
}
