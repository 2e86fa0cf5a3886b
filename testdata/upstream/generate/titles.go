package main

// tone says whether a headline is good, neutral or bad news.
type tone int

const (
	good tone = iota
	neutral
	bad
)

// voice is one language's headlines about one business's subjects. A headline is a
// pattern with a subject and a place put in; sites print in this language.
type voice struct {
	language string // as the service names it
	weight   int    // how many of a hundred articles
	sites    []site
	subjects []string
	places   []string
	patterns [3][]string // by tone; %[1]s the subject, %[2]s the place
}

type site struct{ domain, country string }

// period is a run of days in which news of one tone piles up.
type period struct {
	from, to string
	tone     tone
}

// topic is what the press writes about one business's query.
type topic struct {
	name     string
	query    string // the business's own
	articles int
	periods  []period
	voices   []voice
}

func topics() []topic {
	return []topic{cafes(), shops(), hotels()}
}

func cafes() topic {
	return topic{name: "cafe-lyon", query: "(cafe OR coffee) Lyon", articles: 170, periods: []period{{"2026-10-05", "2026-10-09", bad}, {"2026-09-18", "2026-09-21", good}}, voices: []voice{
		{"French", 62, []site{{"rhone-matin.example", "France"}, {"www.presquile-actu.example", "France"}, {"gazette-lyonnaise.example", "France"}, {"cafes-et-bars.example", ""}},
			[]string{"les cafés du centre", "une brûlerie de quartier", "les terrasses de la Croix-Rousse", "un salon de thé historique", "les torréfacteurs indépendants", "la restauration rapide"},
			[]string{"à Lyon", "dans le Vieux-Lyon", "à la Part-Dieu", "à Villeurbanne"},
			[3][]string{
				{"Succès remarquable pour %[1]s %[2]s", "%[2]s, %[1]s : une belle réussite saluée par les clients", "Prix national : %[1]s récompensés %[2]s, une fierté"},
				{"Ce qui change pour %[1]s %[2]s cet automne", "%[2]s : le point sur %[1]s", "Portrait : %[1]s %[2]s"},
				{"Grève des transports : %[1]s en difficulté %[2]s", "Hausse du prix du café : %[1]s inquiets %[2]s", "Fermeture brutale, pertes lourdes pour %[1]s %[2]s"},
			}},
		{"English", 26, []site{{"europe-dining.example", "United Kingdom"}, {"www.bean-report.example", "United States"}, {"coffee-weekly.example", "Ireland"}},
			[]string{"cafe owners", "small roasters", "coffee bars", "the espresso trade", "independent cafes"},
			[]string{"in Lyon", "across Lyon", "in the old town of Lyon"},
			[3][]string{
				{"%[1]s enjoy record summer %[2]s, and profits grow", "Great coffee, happy guests: how %[1]s succeed %[2]s", "Award win delights %[1]s %[2]s"},
				{"%[1]s %[2]s: what visitors should know", "Who runs %[1]s %[2]s?", "A walk past %[1]s %[2]s"},
				{"Coffee price crisis hurts %[1]s %[2]s", "Strike and losses worry %[1]s %[2]s", "%[1]s %[2]s fear a bad winter as costs rise 8 %%"},
			}},
		{"Spanish", 6, []site{{"noticias-europa.example", "Spain"}}, []string{"las cafeterías", "los pequeños tostadores"}, []string{"de Lyon"},
			[3][]string{{"Gran éxito para %[1]s %[2]s"}, {"Así trabajan %[1]s %[2]s"}, {"La crisis golpea a %[1]s %[2]s"}}},
		{"Italian", 6, []site{{"corriere-del-caffe.example", "Italy"}}, []string{"i bar storici", "le torrefazioni"}, []string{"di Lione"},
			[3][]string{{"Ottimo anno per %[1]s %[2]s"}, {"Viaggio tra %[1]s %[2]s"}, {"Sciopero, perdite per %[1]s %[2]s"}}},
	}}
}

func shops() topic {
	return topic{name: "shop-adelaide", query: "(retail OR shopping) Adelaide", articles: 140, periods: []period{{"2026-09-07", "2026-09-10", bad}, {"2026-10-20", "2026-10-24", good}}, voices: []voice{
		{"English", 88, []site{{"torrens-daily.example", "Australia"}, {"www.southern-retail.example", "Australia"}, {"gulf-business.example", "Australia"}, {"market-wire.example", "New Zealand"}, {"shop-talk.example", ""}},
			[]string{"retailers", "online shops", "Rundle Mall traders", "homeware stores", "small retail brands", "shopping centres"},
			[]string{"in Adelaide", "across Adelaide", "in South Australia", "in Adelaide's east"},
			[3][]string{
				{"%[1]s %[2]s celebrate strong spring sales", "Shoppers return: best month in years for %[1]s %[2]s", "%[1]s %[2]s win praise for fast, friendly delivery", "New jobs as %[1]s expand %[2]s, up 1,200 since May"},
				{"%[1]s %[2]s prepare for the holiday season", "Survey asks %[1]s %[2]s about opening hours", "What %[1]s %[2]s plan for 2027", "Council to discuss parking for %[1]s %[2]s"},
				{"Storm and blackout cost %[1]s %[2]s millions", "%[1]s %[2]s warn of closures as rents rise", "Fraud complaints hit %[1]s %[2]s", "Delivery failures anger customers of %[1]s %[2]s"},
			}},
		{"Chinese", 7, []site{{"nanaozhou-bao.example", "Australia"}}, []string{"零售商", "网上商店"}, []string{"阿德莱德"},
			[3][]string{{"%[2]s ， %[1]s销售创新高 ！ "}, {"%[2]s ： %[1]s准备迎接假期"}, {"%[2]s %[1]s因停电损失惨重"}}},
		{"Vietnamese", 5, []site{{"tin-uc.example", "Vietnam"}}, []string{"các cửa hàng", "nhà bán lẻ"}, []string{"ở Adelaide"},
			[3][]string{{"Doanh thu tốt cho %[1]s %[2]s"}, {"Mua sắm cùng %[1]s %[2]s"}, {"Mất điện gây thiệt hại cho %[1]s %[2]s"}}},
	}}
}

func hotels() topic {
	return topic{name: "hotel-toronto", query: "(hotel OR tourism) Toronto", articles: 210, periods: []period{{"2026-09-10", "2026-09-20", good}, {"2026-10-12", "2026-10-16", bad}}, voices: []voice{
		{"English", 74, []site{{"lakeshore-post.example", "Canada"}, {"www.queen-street-news.example", "Canada"}, {"ontario-travel.example", "Canada"}, {"hotel-ledger.example", "United States"}, {"northern-wire.example", ""}},
			[]string{"hotels", "tourism operators", "downtown hotels", "boutique hotels", "convention tourism", "hotel workers"},
			[]string{"in Toronto", "across the GTA", "near the Toronto waterfront", "in downtown Toronto"},
			[3][]string{
				{"Film festival brings joy and full rooms to %[1]s %[2]s", "%[1]s %[2]s report excellent summer, bookings up 12 %%", "Guests love the renewed rooms: success for %[1]s %[2]s", "%[1]s %[2]s win international award"},
				{"%[1]s %[2]s publish autumn programme", "City studies levy on %[1]s %[2]s", "Five questions about %[1]s %[2]s", "How %[1]s %[2]s get ready for winter"},
				{"Strike hits %[1]s %[2]s as talks collapse", "Cancellations and losses: a terrible week for %[1]s %[2]s", "%[1]s %[2]s fear job cuts", "Bed bug complaint triggers probe of %[1]s %[2]s"},
			}},
		{"French", 14, []site{{"voix-du-saint-laurent.example", "Canada"}, {"www.capitale-info.example", "Canada"}},
			[]string{"l'hôtellerie", "le tourisme", "les hôtels du centre-ville"}, []string{"à Toronto", "en Ontario"},
			[3][]string{{"Excellente saison pour %[1]s %[2]s"}, {"%[1]s %[2]s : ce qui change à l'automne"}, {"Grève et annulations : %[1]s en crise %[2]s"}}},
		{"German", 7, []site{{"reise-bote.example", "Germany"}, {"alpenblick-zeitung.example", "Switzerland"}}, []string{"Hotels", "Tourismusbetriebe"}, []string{"in Toronto"},
			[3][]string{{"Hervorragender Sommer für %[1]s %[2]s"}, {"%[1]s %[2]s im Überblick"}, {"Streik trifft %[1]s %[2]s schwer"}}},
		{"Russian", 5, []site{{"puteshestvie.example", "Russia"}}, []string{"отели", "туризм"}, []string{"Торонто"},
			[3][]string{{"Радость гостей : %[1]s %[2]s переживают подъём"}, {"Репортаж : %[1]s %[2]s осенью"}, {"Забастовка : %[1]s %[2]s терпят убытки"}}},
	}}
}
