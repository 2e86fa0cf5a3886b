package forecast

import "strings"

// model is one method, fitted to one series at a time. A model keeps its buffers, so it
// belongs to one goroutine. It sees complete series: no NaN, largest magnitude near 1.
type model interface {
	// name is the method's name, which Vintage.Method publishes and Prior reads back.
	name() string
	// applies reports whether the method can be fitted to y at all. For the answer it may
	// look at every value: forecasts use what has been seen only.
	applies(y []float64) bool
	// fit estimates parameters from y. A later fit forgets the former one.
	fit(y []float64)
	// paths forecasts from each origin with the parameters of the last fit, having seen
	// y[:origin]; row k of out, horizon long, is the path from origins[k]. Origins
	// ascend and lie between 1 and len(y).
	paths(y []float64, origins []int, horizon int, out []float64)
}

// methods lists every single method for a season length, in the order in which ties are
// decided. A season of 1 has no seasonal ones.
func methods(season int) []model {
	list := []model{
		&naive{season: 1},
		&average{},
		newETS(false, false, 1),
		newETS(false, true, 1),
		newTheta(season),
	}
	if season > 1 {
		list = append(list,
			&naive{season: season},
			newETS(true, false, season),
			newETS(true, true, season),
			&logged{inner: newETS(true, false, season)},
			&logged{inner: newETS(true, true, season)},
		)
	} else {
		list = append(list, &logged{inner: newETS(false, true, 1)})
	}
	return append(list, &croston{}, &tsb{})
}

const (
	combinationPrefix = "mean of "
	combinationJoin   = " + "
)

// combinationName names the mean of several methods.
func combinationName(members []string) string {
	return combinationPrefix + strings.Join(members, combinationJoin)
}

// memberNames returns the methods that a name stands for: the members of a combination,
// or the one method itself.
func memberNames(name string) []string {
	if list, ok := strings.CutPrefix(name, combinationPrefix); ok {
		return strings.Split(list, combinationJoin)
	}
	return []string{name}
}
