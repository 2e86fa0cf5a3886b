package geonames

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"

	"github.com/signalcraft/signalcraft/pipelines/fetch"
)

// Toponym is one entry of a search, get, hierarchy or nearby answer. Empty text and nil
// mean that the answer has no value; the service writes that as "", "00", 0 or no key.
type Toponym struct {
	ID           int64
	Name         string
	ASCIIName    string
	Latitude     float64 // degrees
	Longitude    float64
	CountryCode  string // ISO 3166-1 alpha-2; empty at sea and for continents
	CountryName  string
	Admin1Code   string
	Admin1Name   string
	FeatureClass string // P for a populated place
	FeatureCode  string
	Population   *int64
	TimeZone     string   // IANA name
	DistanceKM   *float64 // nearby answers only
}

// Toponyms is a list answer.
type Toponyms struct {
	Total    *int64 // how many matched; nil in services that do not say
	Toponyms []Toponym
}

// TimeZone is a timezoneJSON answer. At sea there are only the offsets, which are hours
// with fractions on 1 January and 1 July of the current year.
type TimeZone struct {
	ID          string // IANA name, empty at sea
	CountryCode string
	RawOffset   float64
	GMTOffset   float64
	DSTOffset   float64
	Latitude    float64
	Longitude   float64
}

// Country is one entry of a countryInfoJSON answer.
type Country struct {
	ID           int64
	Code         string // ISO 3166-1 alpha-2
	Code3        string // ISO 3166-1 alpha-3
	FIPS         string // FIPS 10-4; empty when there is none
	Name         string
	Capital      string
	Continent    string
	CurrencyCode string // ISO 4217
	Population   *int64
	AreaKM2      *float64
}

type rawToponym struct {
	ID           number `json:"geonameId"`
	Name         string `json:"name"`
	ASCIIName    string `json:"asciiName"`
	Latitude     number `json:"lat"`
	Longitude    number `json:"lng"`
	CountryCode  string `json:"countryCode"`
	CountryName  string `json:"countryName"`
	Admin1Code   string `json:"adminCode1"`
	Admin1Name   string `json:"adminName1"`
	FeatureClass string `json:"fcl"`
	FeatureCode  string `json:"fcode"`
	Population   number `json:"population"`
	Distance     number `json:"distance"`
	TimeZone     struct {
		ID string `json:"timeZoneId"`
	} `json:"timezone"`
}

// DecodeToponyms reads an answer of searchJSON, findNearby...JSON or hierarchyJSON. No
// match is an empty list without an error; an error answer is a *StatusError.
func DecodeToponyms(body []byte) (Toponyms, error) {
	var raw struct {
		Total *number       `json:"totalResultsCount"`
		List  *[]rawToponym `json:"geonames"`
	}
	if err := decode(body, &raw); err != nil {
		return Toponyms{}, err
	}
	if raw.List == nil {
		return Toponyms{}, errors.New("read answer: no list of geonames")
	}
	var answer Toponyms
	if raw.Total != nil {
		answer.Total = raw.Total.whole()
	}
	for i, r := range *raw.List {
		t, err := r.toponym()
		if err != nil {
			return Toponyms{}, fmt.Errorf("read toponym %d: %w", i+1, err)
		}
		answer.Toponyms = append(answer.Toponyms, t)
	}
	return answer, nil
}

// DecodeToponym reads a getJSON answer.
func DecodeToponym(body []byte) (Toponym, error) {
	var raw rawToponym
	if err := decode(body, &raw); err != nil {
		return Toponym{}, err
	}
	return raw.toponym()
}

func (r rawToponym) toponym() (Toponym, error) {
	id, latitude, longitude := r.ID.whole(), r.Latitude.float(), r.Longitude.float()
	if id == nil || *id <= 0 {
		return Toponym{}, errors.New("no geonameId")
	}
	if latitude == nil || longitude == nil || math.Abs(*latitude) > 90 || math.Abs(*longitude) > 180 {
		return Toponym{}, fmt.Errorf("toponym %d: lat %q and lng %q are no coordinates", *id, r.Latitude, r.Longitude)
	}
	t := Toponym{
		ID: *id, Name: r.Name, ASCIIName: r.ASCIIName, Latitude: *latitude, Longitude: *longitude, CountryCode: r.CountryCode, CountryName: r.CountryName,
		Admin1Code: r.Admin1Code, Admin1Name: r.Admin1Name, FeatureClass: r.FeatureClass, FeatureCode: r.FeatureCode,
		Population: r.Population.known(), TimeZone: r.TimeZone.ID, DistanceKM: r.Distance.float(),
	}
	if t.Admin1Code == "00" {
		t.Admin1Code = ""
	}
	return t, nil
}

// DecodeTimeZone reads a timezoneJSON answer.
func DecodeTimeZone(body []byte) (TimeZone, error) {
	var raw struct {
		ID          string `json:"timezoneId"`
		CountryCode string `json:"countryCode"`
		RawOffset   number `json:"rawOffset"`
		GMTOffset   number `json:"gmtOffset"`
		DSTOffset   number `json:"dstOffset"`
		Latitude    number `json:"lat"`
		Longitude   number `json:"lng"`
	}
	if err := decode(body, &raw); err != nil {
		return TimeZone{}, err
	}
	zone := TimeZone{ID: raw.ID, CountryCode: raw.CountryCode}
	for _, f := range []struct {
		name string
		from number
		to   *float64
	}{{"rawOffset", raw.RawOffset, &zone.RawOffset}, {"gmtOffset", raw.GMTOffset, &zone.GMTOffset}, {"dstOffset", raw.DSTOffset, &zone.DSTOffset}, {"lat", raw.Latitude, &zone.Latitude}, {"lng", raw.Longitude, &zone.Longitude}} {
		v := f.from.float()
		if v == nil {
			return TimeZone{}, fmt.Errorf("read time zone: %s is %q, want a number", f.name, f.from)
		}
		*f.to = *v
	}
	return zone, nil
}

// DecodeCountries reads a countryInfoJSON answer.
func DecodeCountries(body []byte) ([]Country, error) {
	var raw struct {
		List *[]struct {
			ID           number `json:"geonameId"`
			Code         string `json:"countryCode"`
			Code3        string `json:"isoAlpha3"`
			FIPS         string `json:"fipsCode"`
			Name         string `json:"countryName"`
			Capital      string `json:"capital"`
			Continent    string `json:"continent"`
			CurrencyCode string `json:"currencyCode"`
			Population   number `json:"population"`
			Area         number `json:"areaInSqKm"`
		} `json:"geonames"`
	}
	if err := decode(body, &raw); err != nil {
		return nil, err
	}
	if raw.List == nil {
		return nil, errors.New("read answer: no list of geonames")
	}
	var countries []Country
	for i, r := range *raw.List {
		id := r.ID.whole()
		if id == nil || len(r.Code) != 2 {
			return nil, fmt.Errorf("read country %d: geonameId %q and countryCode %q, want both", i+1, r.ID, r.Code)
		}
		countries = append(countries, Country{
			ID: *id, Code: r.Code, Code3: r.Code3, FIPS: r.FIPS, Name: r.Name, Capital: r.Capital, Continent: r.Continent,
			CurrencyCode: r.CurrencyCode, Population: r.Population.known(), AreaKM2: r.Area.float(),
		})
	}
	return countries, nil
}

func decode(body []byte, into any) error {
	body = fetch.TrimJSON(body)
	if status := readStatus(body); status != nil {
		return status
	}
	if err := json.Unmarshal(body, into); err != nil {
		return fmt.Errorf("read answer: %w", err)
	}
	return nil
}

// number is a JSON number, or one written as text, as some services do.
type number string

// UnmarshalJSON takes numbers, texts and null.
func (n *number) UnmarshalJSON(text []byte) error {
	if bytes.Equal(text, []byte("null")) {
		*n = ""
		return nil
	}
	if len(text) > 0 && text[0] == '"' {
		return json.Unmarshal(text, (*string)(n))
	}
	*n = number(text)
	return nil
}

// float returns the value, nil when there is none or it is not a finite number.
func (n number) float() *float64 {
	v, err := strconv.ParseFloat(string(n), 64)
	if err != nil || math.IsNaN(v) || math.IsInf(v, 0) {
		return nil
	}
	return &v
}

func (n number) whole() *int64 {
	v, err := strconv.ParseInt(string(n), 10, 64)
	if err != nil {
		return nil
	}
	return &v
}

// known is whole without 0, by which the service says that it does not know.
func (n number) known() *int64 {
	v := n.whole()
	if v == nil || *v <= 0 {
		return nil
	}
	return v
}
