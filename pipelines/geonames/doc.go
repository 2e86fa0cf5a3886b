// Package geonames lands places: which point on the earth is meant by the place name
// that a business's owner wrote?
//
// Source asks GeoNames' search for every business's place and country and keeps the best
// match. The decoders read the other services' answers too, in the forms that they really
// send: numbers as text, errors under status 200, keys that are sometimes missing.
//
// Vocabulary: a toponym is one entry of GeoNames with its id; a feature code says what it
// is (PPLC a capital); a credit is what a request costs the account. Names are edited by
// the public: untrusted text. Data: GeoNames, https://www.geonames.org/, CC BY 4.0.
package geonames
