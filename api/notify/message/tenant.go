package message

import "github.com/signalcraft/signalcraft/api/store"

// The kinds of mail to the owners of a business.
const (
	KindBusinessDeleted     = "business_deleted"
	KindSubscriptionChanged = "subscription_changed"
)

// BusinessDeleted tells an owner that the business is gone.
func (s Site) BusinessDeleted(to store.User, business string, o Occasion) store.Mail {
	return letter{to, KindBusinessDeleted, "Deleted: " + plain(business), []string{
		"The business “" + plain(business) + "” was deleted, with all its sources, KPIs, alerts and numbers.", o.facts(),
		"If you did not expect this, talk to its other owners, and to whoever runs this installation.",
	}}.mail()
}

// SubscriptionChanged tells an owner that the business has another subscription.
func (s Site) SubscriptionChanged(to store.User, business, from, tier string, o Occasion) store.Mail {
	return letter{to, KindSubscriptionChanged, "Subscription of " + plain(business), []string{
		"The subscription of the business “" + plain(business) + "” changed from " + from + " to " + tier + ".", o.facts(),
		"If you did not expect this, talk to its other owners.",
	}}.mail()
}
