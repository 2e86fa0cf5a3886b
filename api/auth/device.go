package auth

import "strings"

// Device says in a few words which program on which system a User-Agent stands for, such as "Firefox on Windows". Of what it does not
// know, it says so: nothing that a caller sent gets into a mail.
func Device(agent string) string {
	// The order matters: most programs name others that they resemble.
	program := firstOf(agent, "a program", [][2]string{{"Edg", "Edge"}, {"OPR/", "Opera"}, {"SamsungBrowser", "Samsung Internet"}, {"Firefox", "Firefox"}, {"FxiOS", "Firefox"},
		{"CriOS", "Chrome"}, {"Chrome", "Chrome"}, {"Safari", "Safari"}, {"curl/", "curl"}, {"python", "Python"}, {"Go-http-client", "a Go program"},
		{"okhttp", "an Android app"}, {"CFNetwork", "an Apple app"}, {"node", "Node.js"}, {"Postman", "Postman"}})
	system := firstOf(agent, "", [][2]string{{"iPhone", "iPhone"}, {"iPad", "iPad"}, {"Android", "Android"}, {"Windows", "Windows"}, {"CrOS", "ChromeOS"},
		{"Mac OS X", "macOS"}, {"Macintosh", "macOS"}, {"Linux", "Linux"}})
	if system == "" {
		return program
	}
	return program + " on " + system
}

func firstOf(agent, other string, names [][2]string) string {
	for _, name := range names {
		if strings.Contains(agent, name[0]) {
			return name[1]
		}
	}
	return other
}
