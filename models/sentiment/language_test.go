package sentiment_test

import (
	"bufio"
	"compress/gzip"
	"strings"
	"testing"

	"github.com/signalcraft/signalcraft/models/sentiment"
	"github.com/signalcraft/signalcraft/models/sentiment/headlines"
	"github.com/signalcraft/signalcraft/testdata/shared"
)

func TestLanguage(t *testing.T) {
	d := sentiment.NewDetector()
	check := func(title, said, want string) {
		t.Helper()
		if got := d.Language(title, said); got != want {
			t.Errorf("%q, said to be %q, is %q, want %q", title, said, got, want)
		}
	}
	// Nobody says: the words tell, or nothing does.
	check("Retailer files for bankruptcy after sales plunge", "", "en")
	check("Le café du centre ferme ses portes après deux ans de pertes", "", "fr")
	check("Umsatz der Kaffeekette steigt nach der Krise", "", "de")
	check("Las ventas de la cadena caen por la crisis", "", "es")
	check("As vendas da rede caem após a crise, mas não em São Paulo", "", "pt")
	check("Cedevita d.o.o.", "", "")
	check("", "", "")
	check("4 711 %", "", "")
	check("K S V Rao", "", "")
	// Another script tells by itself.
	check("Продажи выросли на 5 %", "", "ru")
	check("カフェの売上が増加", "", "ja")
	check("咖啡店销售额增长", "", "zh")
	check("Πωλήσεις", "", "el")
	check("Продажі зросли", "Ukrainian", "uk")
	check("Продажи iPhone выросли", "English", "ru")
	// The source is believed unless the title contradicts.
	check("Zqx Wvu", "Catalan", "ca")
	check("Taxi drivers strike", "French", "fr")
	check("Sales of the chain are up after the crisis", "French", "en")
	check("Dans le café de la gare, les clients sont partis", "English", "fr")
	check("Café de la Paix reopens", "English", "en")
	check("Zqx", "Klingon", "klingon")
}

// Texts that are known to be English, said and unsaid.
func TestEnglishIsTold(t *testing.T) {
	folder, ok := shared.Dir(t)
	if !ok {
		return
	}
	set, err := headlines.ReadLabelled(public(t, folder, "sentfin/SEntFiN-subset.csv.gz"))
	if err != nil {
		t.Fatal(err)
	}
	texts := set.Titles
	for _, name := range []string{"nytEditorialSnippets", "amazonReviewSnippets"} {
		unpacked, err := gzip.NewReader(public(t, folder, "vader/"+name+"_GroundTruth.txt.gz"))
		if err != nil {
			t.Fatal(err)
		}
		for lines := bufio.NewScanner(unpacked); lines.Scan(); {
			texts = append(texts, strings.SplitN(lines.Text(), "\t", 3)[2])
		}
	}
	d := sentiment.NewDetector()
	unsaid, other := 0, 0
	for _, text := range texts {
		if got := d.Language(text, "English"); got != "en" {
			t.Errorf("%q, rightly said to be English, is %q", text, got)
		}
		switch d.Language(text, "") {
		case "en":
			unsaid++
		case "":
		default:
			other++
		}
	}
	t.Logf("%d texts: unsaid, %d are told to be English and %d another language", len(texts), unsaid, other)
	if 100*unsaid < 85*len(texts) || 200*other > len(texts) {
		t.Errorf("of %d texts %d are told to be English and %d another language, want at least 85 %% and at most 0.5 %%", len(texts), unsaid, other)
	}
}
