package auth

// Role is what a member is in a business. Each role may do all that the ones before it may.
type Role string

// The roles of a business, from the least on.
const (
	Viewer  Role = "viewer"  // reads
	Analyst Role = "analyst" // also brings data in and keeps alerts and KPIs
	Admin   Role = "admin"   // also manages sources, members and the business itself
	Owner   Role = "owner"   // also pays, hands over and deletes
)

// Covers reports whether a member with role r may do what needs least. An unknown role covers nothing.
func (r Role) Covers(least Role) bool { return r.rank() >= least.rank() && r.rank() > 0 }

func (r Role) rank() int {
	switch r {
	case Viewer:
		return 1
	case Analyst:
		return 2
	case Admin:
		return 3
	case Owner:
		return 4
	}
	return 0
}

// The scopes that an API key may be given.
const (
	ScopeRead    = "read"    // whatever a viewer reads
	ScopeWrite   = "write"   // uploads and alerts
	ScopeSources = "sources" // KPI sources
)

// Scopes returns every scope that a key may be given.
func Scopes() []string { return []string{ScopeRead, ScopeWrite, ScopeSources} }
