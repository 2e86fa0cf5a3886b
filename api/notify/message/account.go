package message

import (
	"time"

	"github.com/signalcraft/signalcraft/api/store"
)

// The kinds of mail about accounts, as they stand in the table of mails.
const (
	KindVerify          = "verify_email"
	KindChoose          = "choose_password"
	KindRegistered      = "address_registered"
	KindReset           = "reset_password"
	KindPasswordChanged = "password_changed"
	KindChangeEmail     = "change_email"
	KindEmailAsked      = "email_change_asked"
	KindEmailChanged    = "email_changed"
	KindAccountDeleted  = "account_deleted"
)

// VerifyEmail asks the owner of an address to confirm that they made the account. Nothing that whoever registered
// wrote gets into it but the address: it may be a stranger's.
func (s Site) VerifyEmail(to store.User, token string, until time.Time) store.Mail {
	return letter{to, KindVerify, "Confirm your e-mail address", []string{
		"Somebody, we hope you, made a SignalCraft account with this address. Confirm that it is yours:",
		s.open("/verify-email", "/auth/verify-email", token, ""),
		"This works once, until " + instant(until) + ".",
		"If it was not you, do nothing. An account that nobody confirms is removed after seven days.",
	}}.mail()
}

// ChoosePassword asks the owner of an address that was registered more than once, with different passwords, to confirm it and to
// choose the password: who registered it first may have been somebody else.
func (s Site) ChoosePassword(to store.User, token string, until time.Time) store.Mail {
	return letter{to, KindChoose, "Confirm your e-mail address and choose a password", []string{
		"A SignalCraft account with this address was asked for more than once, with different passwords. So that it is yours alone, none of them counts. " +
			"Confirm the address and choose the password here:",
		s.open("/reset-password", "/auth/reset-password/confirm", token, `,"new_password":"..."`),
		"This works once, until " + instant(until) + ".",
		"If it was not you, do nothing. An account that nobody confirms is removed after seven days.",
	}}.mail()
}

// AddressRegistered tells the owner of an account that somebody registered its address again, or wanted to move another account
// to it.
func (s Site) AddressRegistered(to store.User) store.Mail {
	return letter{to, KindRegistered, "You already have an account", []string{
		"Somebody, perhaps you, wanted a SignalCraft account with this address. It has one already, so nothing was changed.",
		"If it was you, sign in as before. If you forgot your password, ask for a new one.",
		"If it was not you, you need not do anything: whoever it was learned nothing about your account.",
	}}.mail()
}

// ResetPassword lets the owner of an account set a new password.
func (s Site) ResetPassword(to store.User, token string, until time.Time) store.Mail {
	return letter{to, KindReset, "Set a new password", []string{
		"Somebody, we hope you, asked for a new password for your SignalCraft account. Set it here:",
		s.open("/reset-password", "/auth/reset-password/confirm", token, `,"new_password":"..."`),
		"This works once, until " + instant(until) + ". When the password is set, every session ends.",
		"If it was not you, do nothing. Your password stays as it is.",
	}}.mail()
}

// PasswordChanged tells that an account has a new password.
func (s Site) PasswordChanged(to store.User, o Occasion) store.Mail {
	return letter{to, KindPasswordChanged, "Your password was changed", append([]string{
		"The password of your SignalCraft account was changed. Sessions on other devices have ended.", o.facts()}, s.notYou()...)}.mail()
}

// ChangeEmail asks the owner of a new address to confirm it. It goes to the new address.
func (s Site) ChangeEmail(to store.User, token string, until time.Time) store.Mail {
	return letter{to, KindChangeEmail, "Confirm your new e-mail address", []string{
		"Somebody, we hope you, wants to use this address for their SignalCraft account. Confirm that it is yours:",
		s.open("/verify-email", "/auth/verify-email", token, ""),
		"This works once, until " + instant(until) + ". Until then the account keeps its old address.",
		"If it was not you, do nothing.",
	}}.mail()
}

// EmailChangeAsked tells the old address that the account is about to get another.
func (s Site) EmailChangeAsked(to store.User, o Occasion) store.Mail {
	return letter{to, KindEmailAsked, "Your account is to get another address", append([]string{
		"Somebody who knows your password asked to use another address for your SignalCraft account. " +
			"It takes effect when the new address is confirmed; a new password prevents that.", o.facts()}, s.notYou()...)}.mail()
}

// EmailChanged tells the old address that the account has another.
func (s Site) EmailChanged(to store.User, o Occasion) store.Mail {
	return letter{to, KindEmailChanged, "Your e-mail address was changed", []string{
		"Your SignalCraft account has another e-mail address now. This one is no longer used.", o.facts(),
		"If this was not you, tell whoever runs this installation at once: somebody else has your account.",
	}}.mail()
}

// AccountDeleted tells that an account and what belonged to it alone are gone. The mail does not refer to the account, so it
// outlives it.
func (s Site) AccountDeleted(email string, o Occasion) store.Mail {
	return letter{store.User{Email: email}, KindAccountDeleted, "Your account was deleted", []string{
		"Your SignalCraft account was deleted, with everything that belonged to it alone.", o.facts(),
		"If this was not you, tell whoever runs this installation at once.",
	}}.mail()
}
