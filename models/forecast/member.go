package forecast

import (
	"math"
	"strconv"
	"strings"
)

// Member is one method that a forecast is combined from.
type Member struct {
	// Method is its name.
	Method string
	// Weight is its share, from 0 to 1; NaN in a trimmed mean, which leaves out other members on each day.
	Weight float64
}

// Members returns what the method of a Vintage is combined from, in the order of the name; a single method is its only
// member. A name of another version gives what can be told of it; "" gives none.
func Members(method string) []Member {
	list, trimmed := strings.CutPrefix(method, trimmedMark)
	if list == "" {
		return nil
	}
	var members []Member
	for _, text := range strings.Split(list, memberJoin) {
		m := Member{Method: text, Weight: math.NaN()}
		if share, name, shared := strings.Cut(text, shareMark); shared {
			if percent, err := strconv.Atoi(share); err == nil {
				m = Member{Method: name, Weight: float64(percent) / 100}
			}
		} else if !trimmed {
			m.Weight = 1
		}
		members = append(members, m)
	}
	return members
}
