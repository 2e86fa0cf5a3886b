package forecast

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
	// refit moves the parameters of the last fit to y, which continues what that fit saw; it
	// costs a fraction of fit.
	refit(y []float64)
	// paths forecasts from each origin with the parameters of the last fit, having seen
	// y[:origin]; row k of out, horizon long, is the path from origins[k]. Origins
	// ascend and lie between 1 and len(y).
	paths(y []float64, origins []int, horizon int, out []float64)
}

// methods lists every single method for a season length, in the order in which ties are
// decided. A season of 1 has no seasonal ones.
func methods(season int) []model {
	medians := &medians{season: season}
	list := []model{
		&naive{season: 1},
		&average{},
		newETS(flat, 1),
		newETS(damped, 1),
		newTheta(dynamicTheta, season),
	}
	if season > 1 {
		list = append(list,
			&naive{season: season},
			newETS(flat, season),
			newETS(damped, season),
			&logged{inner: newETS(flat, season)},
		)
	}
	if season > 1 {
		list = append(list,
			newClipped(newETS(damped, season), medians),
			newClipped(newETS(flat, season), medians),
			newHarmonic(season, 0))
	}
	return append(list,
		newClipped(newTheta(dynamicTheta, season), medians),
		newClipped(&autoregressive{m: season}, medians),
		&logged{inner: newETS(damped, season)},
		newETS(straight, season),
		&logged{inner: newTheta(dynamicTheta, season)},
		&autoregressive{m: season},
		&logged{inner: &autoregressive{m: season, always: true}},
		&drift{},
		&croston{}, &tsb{}, &adida{})
}

// askedMethods lists the methods for a season length that are only forecast by when they are asked for: chosen among the
// others they bring nothing that those do not.
func askedMethods(season int) []model {
	list := []model{newChosenETS(season), newTheta(standardTheta, season), newTheta(optimisedTheta, season)}
	if season > 1 {
		list = append(list, newMultipliedETS(flat, season), newMultipliedETS(damped, season), newMultipliedETS(straight, season))
	}
	return list
}

// longMethods lists the methods for a second, longer season.
func longMethods(season, long int) []model {
	seasons := []int{long}
	if season > 1 {
		seasons = []int{season, long}
	}
	list := []model{
		&naive{season: long},
		newMSTL(seasons, newTheta(dynamicTheta, 1)),
		newMSTL(seasons, newETS(damped, 1)),
		newMSTL(seasons, &autoregressive{m: 1}),
		&logged{inner: newMSTL(seasons, newTheta(dynamicTheta, 1))},
		&logged{inner: newMSTL(seasons, newETS(flat, 1))},
	}
	list = append(list, newHarmonic(season, long))
	if season > 1 {
		list = append(list, newMultiseason(season, long))
	}
	return list
}

// robust reports whether a method is one of those that short series are forecast by: of them
// none is naive, and none needs more values than a few seasons.
func robust(m model) bool {
	switch m := m.(type) {
	case *theta, *ets, *drift:
		return true
	case *logged:
		return robust(m.inner)
	}
	return false
}
