package api

import (
	"context"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/signalcraft/signalcraft/api/store"
)

// currencies are the codes of ISO 4217 that are money in use; no metals, funds or test codes.
const currencies = "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CLP CNY COP CRC CUP " +
	"CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF " +
	"KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR " +
	"PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD UYU UZS VED " +
	"VES VND VUV WST XAF XCD XCG XOF XPF YER ZAR ZMW ZWG"

// countries are the codes of ISO 3166-1 alpha-2 that are assigned, and XK, which Kosovo uses.
const countries = "AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ CA CC CD CF CG CH CI CK CL " +
	"CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM " +
	"HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM " +
	"MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD " +
	"SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS XK YE " +
	"YT ZA ZM ZW"

// isCode reports whether list, words between blanks, holds code.
func isCode(list, code string) bool {
	return slices.Contains(strings.Fields(list), code)
}

// business checks the fields and returns the business that they tell of, without an id.
func (f BusinessFields) business(ctx context.Context) (store.Business, error) {
	refuse := func(field, issue string) (store.Business, error) {
		return store.Business{}, invalid(ctx, "body", field, issue)
	}
	b := store.Business{Name: strings.TrimSpace(f.Name), Industry: strings.TrimSpace(f.Industry), TimeZone: f.TimeZone, Currency: f.Currency, Country: f.Country,
		Place: strings.TrimSpace(f.Place), Latitude: f.Latitude, Longitude: f.Longitude, NewsQuery: strings.TrimSpace(f.NewsQuery)}
	for field, text := range map[string]string{"name": b.Name, "industry": b.Industry, "place": b.Place, "news_query": b.NewsQuery} {
		if !isOneLine(text) {
			return refuse(field, "no line breaks or control characters")
		}
	}
	switch {
	case b.Name == "":
		return refuse("name", "must not be blank")
	case !isTimeZone(b.TimeZone):
		return refuse("time_zone", "not an IANA time zone such as Europe/Berlin")
	case !isCode(currencies, b.Currency):
		return refuse("currency", "not an ISO 4217 currency in use")
	case !isCode(countries, b.Country):
		return refuse("country", "not an ISO 3166-1 alpha-2 country")
	case (b.Latitude == nil) != (b.Longitude == nil):
		return refuse("latitude", "latitude and longitude go together")
	}
	return b, nil
}

// isTimeZone reports whether name is in the IANA database of this machine; "Local" and the empty name are not.
func isTimeZone(name string) bool {
	if name == "" || name == "Local" {
		return false
	}
	_, err := time.LoadLocation(name)
	return err == nil
}

// isOneLine reports whether text is fit for a title, a log and a mail's subject: it holds no control characters.
func isOneLine(text string) bool { return !strings.ContainsFunc(text, unicode.IsControl) }

// changedFields names what differs, for the audit log, which keeps no values.
func changedFields(from, to store.Business) []string {
	fields := []string{}
	for _, f := range []struct {
		name      string
		different bool
	}{
		{"name", from.Name != to.Name},
		{"industry", from.Industry != to.Industry},
		{"time_zone", from.TimeZone != to.TimeZone},
		{"currency", from.Currency != to.Currency},
		{"country", from.Country != to.Country},
		{"place", from.Place != to.Place},
		{"coordinates", to.Latitude != nil && (from.Latitude == nil || *from.Latitude != *to.Latitude || *from.Longitude != *to.Longitude)},
		{"news_query", from.NewsQuery != to.NewsQuery},
	} {
		if f.different {
			fields = append(fields, f.name)
		}
	}
	return fields
}
