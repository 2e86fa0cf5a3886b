// Package openmeteo lands weather: what did every business's place go through, day by
// day, and what is coming?
//
// Source asks Open-Meteo's archive for measured local days and its forecast service for
// the days around the as-of instant, many locations in one request. Decode reads an
// answer in any form that the services send; Days and Hours turn it into rows in the
// lake's units.
//
// Vocabulary: a location is one requested point, known by dataset.LocationID of what was
// asked; the answer's own coordinates are the weather model's grid cell, kilometres away.
// A piece is a calendar month or year of the archive. The weight of a request is how much
// of the service's quota it uses. Weather data by Open-Meteo.com, CC BY 4.0.
package openmeteo
