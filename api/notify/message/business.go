package message

import (
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
	Name, Business, KPI string
	// BusinessID names the page that the mail links to; uuid.Nil for no link.
	BusinessID uuid.UUID
	// Text says what was found, in a sentence; it is written by us.
	Text string
	// At is the instant that the alert is about.
	At time.Time
}

// AlertFired tells somebody that one of their alerts fired.
func (s Site) AlertFired(to store.User, a Alert) store.Mail {
	parts := []string{
		"The alert “" + plain(a.Name) + "” of " + plain(a.Business) + " fired.",
		a.Text,
		indent + "KPI: " + plain(a.KPI) + "\n" + indent + "At: " + instant(a.At),
	}
	if s.PublicURL != "" && a.BusinessID != uuid.Nil {
		parts = append(parts, "Look at it:", indent+s.link("/businesses/"+a.BusinessID.String()))
	}
	parts = append(parts, "You get this because the alert is set to write to you. Change or delete it to stop these mails.")
	return letter{to, KindAlert, "Alert: " + plain(a.Name), parts}.mail()
}
