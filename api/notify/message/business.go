package message

import (
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/signalcraft/signalcraft/api/store"
)

// The kinds of mail about businesses.
const (
	KindInvitation = "invitation"
	KindAlert      = "alert_fired"
)

// Invite is an invitation to a business.
type Invite struct {
	// Recipient is the invited address; it may have no account.
	Recipient               string
	Inviter, Business, Role string
	Token                   string
	Until                   time.Time
}

// Invitation invites somebody to a business.
func (s Site) Invitation(i Invite) store.Mail {
	parts := []string{
		"“" + plain(i.Inviter) + "” invites you to the business “" + plain(i.Business) + "” on SignalCraft, as " + i.Role + ".",
	}
	if s.PublicURL != "" {
		parts = append(parts, "Accept here, with an account for this address:", indent+s.link("/invitation")+"#token="+i.Token)
	} else {
		parts = append(parts, "Accept with an account for this address. Sign in, then send the token:",
			indent+"curl -X POST "+s.service("/invitations/accept")+" \\\n"+
				indent+"  -H \"authorization: Bearer $TOKEN\" \\\n"+
				indent+"  -H 'content-type: application/json' \\\n"+
				indent+`  -d '{"token":"`+i.Token+`"}'`)
	}
	parts = append(parts, "The invitation holds until "+instant(i.Until)+".", "If you do not know them, do nothing.")
	return letter{store.User{Email: i.Recipient}, KindInvitation, "Invitation to " + plain(i.Business), parts}.mail()
}

// Alert is an alert that fired.
type Alert struct {
	Name, Severity, Business string
	// BusinessID names the page that the mail links to; uuid.Nil for no link.
	BusinessID uuid.UUID
	// Found are the KPIs that it fired for, at least one. Count is how many there are; the mail says so when it is more.
	Found []Found
	Count int
}

// Found is a KPI for which an alert fired.
type Found struct {
	KPI string
	// Amount is what was found in short, empty for no value; Text says it in a sentence. Both are written by us; Plain makes a unit
	// fit to stand in them.
	Amount, Text string
}

// subject is one line on what fired, no longer than mail programs show.
func (a Alert) subject() string {
	text := "[" + plain(a.Severity) + "] " + plain(a.Business) + ": " + plain(a.Name) + ": "
	if a.Count > 1 {
		text += strconv.Itoa(a.Count) + " KPIs"
	} else {
		text = strings.TrimSpace(text + plain(a.Found[0].KPI) + " " + a.Found[0].Amount)
	}
	const most = 160
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most-1]) + "…"
	}
	return text
}

// AlertFired tells the members of a business that an alert fired. It has no recipient: it goes to each of them.
func (s Site) AlertFired(a Alert) store.Mail {
	var found strings.Builder
	for _, f := range a.Found {
		found.WriteString(indent + plain(f.KPI) + ": " + f.Text + "\n")
	}
	if more := a.Count - len(a.Found); more > 0 {
		found.WriteString(indent + "and " + strconv.Itoa(more) + " more\n")
	}
	parts := []string{"The alert “" + plain(a.Name) + "” of “" + plain(a.Business) + "” fired:", strings.TrimSuffix(found.String(), "\n")}
	if s.PublicURL != "" && a.BusinessID != uuid.Nil {
		parts = append(parts, "Look at it:", indent+s.link("/businesses/"+a.BusinessID.String()))
	}
	parts = append(parts, "You get this mail because you belong to “"+plain(a.Business)+"”. Who may change its alerts can switch mails off there.")
	return letter{store.User{}, KindAlert, a.subject(), parts}.mail()
}
