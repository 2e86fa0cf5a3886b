package explain

import "image/color"

// shade is a colour as red, green, blue and opacity, two hexadecimal digits each.
type shade uint32

// The colours. All but the greys are those of Okabe and Ito (Color Universal Design, 2008), which people with any colour
// vision tell apart.
const (
	white     shade = 0xffffffff
	ink       shade = 0x222222ff
	faint     shade = 0xd8d8d8ff
	blue      shade = 0x0072b2ff
	wideBand  shade = 0x0072b22c
	narrow    shade = 0x0072b25c
	green     shade = 0x009e73ff
	purple    shade = 0xcc79a7ff
	vermilion shade = 0xd55e00ff
	orange    shade = 0xe69f00ff
	leftOut   shade = 0xe69f0050
)

// RGBA returns the colour as package color defines it.
func (s shade) RGBA() (r, g, b, a uint32) {
	return color.NRGBA{uint8(s >> 24), uint8(s >> 16), uint8(s >> 8), uint8(s)}.RGBA()
}
