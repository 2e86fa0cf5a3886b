package sniff

import (
	"fmt"
	"strings"

	"github.com/signalcraft/signalcraft/pipelines/kpi"
)

// piece is one piece of a pattern and what package time writes for it.
type piece struct{ pattern, layout string }

// pieces are tried in this order, so that the longer of two that begin alike comes first.
func pieces() []piece {
	return []piece{
		{"YYYY", "2006"}, {"MMMM", "January"}, {"MMM", "Jan"}, {"DD", "02"}, {"MM", "01"}, {"YY", "06"}, {"hh", "15"}, {"mm", "04"}, {"ss", "05"},
		{"AM", "PM"}, {"Z", "Z07:00"}, {"D", "2"}, {"M", "1"}, {"h", "3"},
	}
}

// Layout returns the layout of package time for a pattern such as "DD/MM/YYYY hh:mm". Its pieces are YYYY, YY, MMMM, MMM, MM, M, DD,
// D, hh (24 hours), h (12 hours, with AM), mm, ss, AM and Z (an offset); the special layouts of package kpi are patterns too.
func Layout(pattern string) (string, error) {
	switch pattern {
	case kpi.LayoutUnix, kpi.LayoutUnixMilli, kpi.LayoutExcel, kpi.LayoutExcel1904:
		return pattern, nil
	}
	var out strings.Builder
next:
	for rest := pattern; rest != ""; {
		for _, p := range pieces() {
			if strings.HasPrefix(rest, p.pattern) {
				out.WriteString(p.layout)
				rest = rest[len(p.pattern):]
				continue next
			}
		}
		if !strings.ContainsAny(rest[:1], " /-.,:T") {
			return "", fmt.Errorf("time form %q: %q is no piece of one; they are YYYY, YY, MMMM, MMM, MM, M, DD, D, hh, h, mm, ss, AM and Z", pattern, rest[:1])
		}
		out.WriteByte(rest[0])
		rest = rest[1:]
	}
	return out.String(), nil
}

// isoPatterns are what a Spec without layouts understands.
func isoPatterns() []string {
	return []string{"YYYY-MM-DD", "YYYY-MM-DD hh:mm", "YYYY-MM-DD hh:mm:ss", "YYYY-MM-DDThh:mm", "YYYY-MM-DDThh:mm:ss", "YYYY-MM-DDThh:mm:ssZ", "YYYY-MM-DD hh:mm:ssZ"}
}

// The orders of year, month and day.
const (
	yearFirst  = "YMD"
	dayFirst   = "DMY"
	monthFirst = "MDY"
)

// orders returns the orders, the likeliest first.
func orders() []string { return []string{yearFirst, dayFirst, monthFirst} }

// dates returns the patterns of days in an order. Those with the month's name fit every order.
func dates(order string) []string {
	named := []string{"D MMM YYYY", "D-MMM-YYYY", "D-MMM-YY", "D MMM YY", "MMM D, YYYY", "D MMMM YYYY", "MMMM D, YYYY", "MMM YYYY", "MMMM YYYY", "MMM-YYYY", "D. MMMM YYYY"}
	switch order {
	case dayFirst:
		return append([]string{"D/M/YYYY", "D.M.YYYY", "D-M-YYYY", "D/M/YY", "D.M.YY", "D-M-YY", "MM/YYYY", "MM.YYYY", "MM-YYYY"}, named...)
	case monthFirst:
		return append([]string{"M/D/YYYY", "M.D.YYYY", "M-D-YYYY", "M/D/YY", "M.D.YY", "M-D-YY", "MM/YYYY", "MM.YYYY", "MM-YYYY"}, named...)
	}
	return append([]string{"YYYY-M-D", "YYYY/M/D", "YYYY.M.D", "YYYYMMDD", "YY-MM-DD", "YY/MM/DD", "YYYY-MM", "YYYY/MM"}, named...)
}

// clocks returns the patterns of the time of day that may follow a day; Z only after the seconds or minutes.
func clocks() []string {
	return []string{"", " hh:mm", " hh:mm:ss", "Thh:mm", "Thh:mm:ss", "Thh:mm:ssZ", "Thh:mmZ", " hh:mm:ssZ", " hh:mm:ss Z", " h:mm AM", " h:mm:ss AM", ", hh:mm", ", hh:mm:ss", " hh"}
}
