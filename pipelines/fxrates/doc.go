// Package fxrates reads exchange rates: those of the European Central Bank through
// Frankfurter, and from other providers where that fails or does not know a currency.
//
// Rates are units of the quote currency per one unit of the base, which is the euro
// unless configured otherwise. A rate's day is the one that the provider states, never the
// one asked for: on a weekend or a holiday providers answer with an earlier day, and a day without
// a rate has no row.
//
// A unit is two calendar months of one base ("EUR/2024-01" holds January and February),
// because long series are thinned by some servers. Units are asked for whole, so a closed unit gives the
// same rows in every run. What one provider lacks and a later one has is a unit of its own
// ("EUR/2024-01/exchangerate-host").
package fxrates
