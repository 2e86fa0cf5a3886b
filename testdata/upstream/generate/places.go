package main

import (
	"encoding/json"
	"fmt"
	"net/url"
)

// place is one row of a GeoNames search. Names, coordinates and ids are GeoNames' own.
type place struct {
	id                  int64
	name, feature       string
	latitude, longitude string
	population          int64
}

// town is where a business lies, and the places that a search for it finds.
type town struct {
	country, countryName, countryID, capital, currency, code3, fips, continent, numeric string
	population, area                                                                    string
	admin, adminCode, zone                                                              string
	gmt, dst                                                                            float64
	found                                                                               []place
}

func towns() []town {
	return []town{
		{country: "FR", countryName: "France", countryID: "3017382", capital: "Paris", currency: "EUR", code3: "FRA", fips: "FR", continent: "EU", numeric: "250",
			population: "68000000", area: "547030.0", admin: "Auvergne-Rhône-Alpes", adminCode: "84", zone: "Europe/Paris", gmt: 1, dst: 2,
			found: []place{{2996944, "Lyon", "PPLA", "45.74846", "4.84671", 520000}, {2996943, "Lyons-la-Forêt", "PPL", "49.39888", "1.47721", 800}}},
		{country: "AU", countryName: "Australia", countryID: "2077456", capital: "Canberra", currency: "AUD", code3: "AUS", fips: "AS", continent: "OC", numeric: "036",
			population: "26000000", area: "7686850.0", admin: "South Australia", adminCode: "05", zone: "Australia/Adelaide", gmt: 10.5, dst: 9.5,
			found: []place{{2078025, "Adelaide", "PPLA", "-34.92866", "138.59863", 1350000}, {2172797, "Adelaide River", "PPL", "-13.23870", "131.10610", 0}}},
		{country: "CA", countryName: "Canada", countryID: "6251999", capital: "Ottawa", currency: "CAD", code3: "CAN", fips: "CA", continent: "NA", numeric: "124",
			population: "40000000", area: "9984670.0", admin: "Ontario", adminCode: "08", zone: "America/Toronto", gmt: -5, dst: -4,
			found: []place{{6167865, "Toronto", "PPLA", "43.70011", "-79.41630", 2790000}, {6167863, "Toronto Gore", "PPL", "43.81680", "-79.64960", 0}}},
	}
}

// places makes GeoNames' search and country answers.
func places() ([]answer, error) {
	var answers []answer
	for _, t := range towns() {
		var rows []map[string]any
		for i, p := range t.found {
			row := map[string]any{
				"geonameId": p.id, "name": p.name, "toponymName": p.name, "asciiName": p.name, "lat": p.latitude, "lng": p.longitude, "countryId": t.countryID,
				"countryCode": t.country, "countryName": t.countryName, "continentCode": t.continent, "adminCode1": t.adminCode, "adminName1": t.admin, "fcl": "P",
				"fclName": "city, village,...", "fcode": p.feature, "population": p.population, "score": 120.5 - 60*float64(i), "adminName2": "", "alternateNames": []any{},
			}
			// Time zones come with the full style, and only on some rows.
			if i == 0 {
				row["timezone"] = map[string]any{"timeZoneId": t.zone, "gmtOffset": t.gmt, "dstOffset": t.dst}
			}
			rows = append(rows, row)
		}
		search, err := encode(map[string]any{"totalResultsCount": len(rows), "geonames": rows}, "")
		if err != nil {
			return nil, err
		}
		country, err := encode(map[string]any{"geonames": []any{map[string]any{
			"geonameId": json.Number(t.countryID), "countryCode": t.country, "countryName": t.countryName, "isoAlpha3": t.code3, "isoNumeric": t.numeric, "fipsCode": t.fips,
			"continent": t.continent, "capital": t.capital, "currencyCode": t.currency, "population": t.population, "areaInSqKm": t.area, "languages": "",
		}}}, "")
		if err != nil {
			return nil, err
		}
		asked := url.Values{"q": {t.found[0].name}, "country": {t.country}}
		answers = append(answers,
			answer{fmt.Sprintf("geonames/search-%s.json", t.country), "https://secure.geonames.org/searchJSON?" + asked.Encode(), search},
			answer{fmt.Sprintf("geonames/country-%s.json", t.country), "https://secure.geonames.org/countryInfoJSON?country=" + t.country, country})
	}
	return answers, nil
}
