package openmeteo

import "fmt"

// quantity is what a variable measures; every quantity has one unit in the lake.
type quantity int

const (
	temperature quantity = iota // °C
	depth                       // mm
	snow                        // cm
	speed                       // km/h
	share                       // percent
	weatherCode                 // WMO 4677
)

// conversion makes a value v of another unit into v*factor + shift of the lake's.
type conversion struct{ factor, shift float64 }

// conversionFor returns how unit becomes the lake's. The labels are the service's:
// miles an hour is written mp/h there. A unit that is not known is an error, because a
// number of unknown unit is worse than none.
func conversionFor(q quantity, unit string) (conversion, error) {
	same := conversion{factor: 1}
	switch q {
	case temperature:
		switch unit {
		case "°C":
			return same, nil
		case "°F":
			return conversion{5.0 / 9, -160.0 / 9}, nil
		}
	case depth:
		switch unit {
		case "mm":
			return same, nil
		case "inch":
			return conversion{25.4, 0}, nil
		}
	case snow:
		switch unit {
		case "cm":
			return same, nil
		case "inch":
			return conversion{2.54, 0}, nil
		}
	case speed:
		switch unit {
		case "km/h":
			return same, nil
		case "m/s":
			return conversion{3.6, 0}, nil
		case "mp/h", "mph":
			return conversion{1.609344, 0}, nil
		case "kn":
			return conversion{1.852, 0}, nil
		}
	case share:
		if unit == "%" {
			return same, nil
		}
	case weatherCode:
		if unit == "wmo code" || unit == "" {
			return same, nil
		}
	}
	return conversion{}, fmt.Errorf("unit %q is not one this reader converts", unit)
}
