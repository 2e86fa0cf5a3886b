package main

import (
	"archive/zip"
	"bytes"
	"fmt"
	"strings"
)

// gkgColumns is how many fields a line of a GKG 2.1 file has.
const gkgColumns = 27

// tones makes one translated GKG file with the articles of all topics that are not in
// English. It is the answer for every quarter of an hour: readers look for addresses.
func tones() ([]answer, error) {
	var lines strings.Builder
	for _, t := range topics() {
		items, _ := t.items()
		for i, a := range items {
			// Some articles are in no file.
			if a.language != "English" && i%11 != 5 {
				lines.WriteString(a.gkg())
			}
		}
	}
	var packed bytes.Buffer
	z := zip.NewWriter(&packed)
	inside, err := z.Create("translation.gkg.csv")
	if err != nil {
		return nil, fmt.Errorf("pack tones: %w", err)
	}
	if _, err := inside.Write([]byte(lines.String())); err != nil {
		return nil, fmt.Errorf("pack tones: %w", err)
	}
	if err := z.Close(); err != nil {
		return nil, fmt.Errorf("pack tones: %w", err)
	}
	return []answer{{"gdelt/translation.gkg.csv.zip", "http://data.gdeltproject.org/gdeltv2/*.translation.gkg.csv.zip", packed.Bytes()}}, nil
}

// gkg writes the article's line: good news has a tone of 2 to 6, bad news one of -6 to -2.
func (a item) gkg() string {
	random := seeded("tone " + a.url)
	positive, negative := 2+2*random.Float64(), 2+2*random.Float64()
	switch a.how {
	case good:
		positive, negative = 4+3*random.Float64(), 1+random.Float64()
	case bad:
		positive, negative = 1+random.Float64(), 4+3*random.Float64()
	}
	stamp := a.seen.Format("20060102150405")
	f := make([]string, gkgColumns)
	f[0], f[1], f[2], f[3], f[4] = stamp+"-T1", stamp, "1", a.domain, a.url
	f[15] = fmt.Sprintf("%.4f,%.4f,%.4f,%.4f,20,0,%d", positive-negative, positive, negative, positive+negative, 150+random.IntN(500))
	f[25] = "srclc:" + strings.ToLower(a.language[:3]) + ";eng:GT 1.0"
	return strings.Join(f, "\t") + "\n"
}
