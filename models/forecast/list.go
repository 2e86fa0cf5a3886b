package forecast

import (
	"slices"
	"strconv"
	"strings"
)

// longMark stands in a method's name for the length of the second season that is found in a series.
const longMark = "long"

// Methods returns the names of all single methods for a season length: those that are compared, those that are only forecast
// by when asked for, and those for a second season: in the names of these "long" stands for its length, which Options.Method
// reads as that found in each series.
func Methods(season int) []string {
	var names []string
	for _, m := range slices.Concat(methods(season), askedMethods(season)) {
		names = append(names, m.name())
	}
	const length = 1 << 20 // like no real one
	for _, m := range longMethods(season, length) {
		names = append(names, strings.ReplaceAll(m.name(), strconv.Itoa(length), longMark))
	}
	return names
}

// isMethod reports whether name is that of a single method or combination for a season length.
func isMethod(name string, season int) bool {
	known := func(list []model, name string) bool { _, ok := parse(name, list); return ok }
	base := slices.Concat(methods(season), askedMethods(season))
	return slices.ContainsFunc(longSeasons(), func(long int) bool {
		return known(slices.Concat(base, longMethods(season, long)), strings.ReplaceAll(name, longMark, strconv.Itoa(long)))
	})
}
