package gdelt

import "time"

const eventColumns = 61 // of GDELT 2.0 Events

// Event is one row of an export.CSV file. Codes are text, because CAMEO codes begin
// with zeros. SQLDay is when the event is said to have happened, which may be a year
// before AddedAt; file by AddedAt.
type Event struct {
	ID        int64
	SQLDay    time.Time
	AddedAt   time.Time
	Actor1    string
	Actor2    string
	Code      string // CAMEO
	BaseCode  string
	RootCode  string
	QuadClass int64 // 1 verbal cooperation to 4 material conflict
	Goldstein *float64
	Mentions  int64
	Sources   int64
	Articles  int64
	Tone      *float64
	// Place is where it happened; null when the type is 0.
	Place     *Place
	SourceURL string
}

// Place is a location that an event or article names.
type Place struct {
	Type      int64 // 1 country, 2 US state, 3 US city, 4 world city, 5 world state
	Name      string
	FIPS      string   // FIPS 10-4 country code as sent
	Country   *string  // ISO 3166-1 alpha-2; null when FIPS is unknown
	Latitude  *float64 // degrees
	Longitude *float64
	FeatureID string
}

// ParseEvents reads an unpacked export.CSV file; every line is an event or a reject.
func ParseEvents(data []byte) ([]Event, []Reject) {
	var events []Event
	rejects := eachLine(data, eventColumns, func(f []string) error {
		var n numbers
		e := Event{
			ID: n.int("GLOBALEVENTID", f[0]), SQLDay: n.stamp("SQLDATE", "20060102", f[1]),
			Actor1: f[6], Actor2: f[16], Code: f[26], BaseCode: f[27], RootCode: f[28],
			QuadClass: n.int("QuadClass", f[29]), Goldstein: n.float("GoldsteinScale", f[30]),
			Mentions: n.int("NumMentions", f[31]), Sources: n.int("NumSources", f[32]), Articles: n.int("NumArticles", f[33]),
			Tone: n.float("AvgTone", f[34]), AddedAt: n.stamp("DATEADDED", batchLayout, f[59]), SourceURL: f[60],
		}
		if kind := n.int("ActionGeo_Type", f[51]); kind != 0 {
			e.Place = newPlace(kind, f[52], f[53], n.float("ActionGeo_Lat", f[56]), n.float("ActionGeo_Long", f[57]), f[58])
		}
		if n.err == nil {
			events = append(events, e)
		}
		return n.err
	})
	return events, rejects
}

func newPlace(kind int64, name, fips string, latitude, longitude *float64, feature string) *Place {
	p := &Place{Type: kind, Name: name, FIPS: fips, Latitude: latitude, Longitude: longitude, FeatureID: feature}
	if iso, ok := CountryFromFIPS(fips); ok {
		p.Country = &iso
	}
	return p
}
