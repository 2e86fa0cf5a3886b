// Package live hands events to whoever listens.
//
// A [Hub] listens to Postgres on one connection. What it hears there only wakes it: it then reads which events came
// after the last one it knows, so what happened while the connection was broken is not lost. Events have ids in the
// order in which their transactions committed; that is what makes "everything after the last one" right, here
// and for a client that comes back.
//
// A [Listener] is one open stream of one session. It gets the events of its user and of the businesses that the user
// belongs to; both are asked of Postgres when it joins, whenever an event says that memberships or sessions changed, and
// every half minute. What an event tells is read once for the process, under row-level security, as one of
// the users who are about to get it: an event that no listener may see is never read.
//
// Each listener has a short queue. Who does not keep up is dropped with a reason and comes back with the id of the last event it
// saw, which the stored tail answers.
package live
