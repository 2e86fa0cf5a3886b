// Package auth answers one question for the service: who is asking?
//
// A person signs in with e-mail and password ([Service.Login]) and, if they have one, a second factor
// ([Service.VerifyMFA]). They get an access token, which every later request shows ([Service.Authenticate]), and a refresh
// token, which continues the session ([Service.Refresh]). A program shows an API key instead. What they may then see is
// not decided here: the store reads under row-level security for the [Principal] this package found.
//
// The words of this package:
//
//   - password hash: Argon2id in PHC form, made by [Hasher];
//   - access token: a JWT signed with Ed25519, valid for fifteen minutes;
//   - signing key: an Ed25519 pair in Postgres, named by its key id, so that every
//     process of an installation signs and accepts alike; its private half is sealed;
//   - session: one sign-in of one person; its id is in every token of that sign-in. It ends thirty days after the sign-in,
//     after seven idle days, when it is signed out or ended, when the account is switched off, and when a
//     refresh token of it is used twice;
//   - refresh token: continues a session, once (refresh.go says how it is made);
//   - proof: that the user showed password and second factor; an access token tells when that was;
//   - second factor: an authenticator program (RFC 6238), with recovery codes for the day it is lost;
//   - API key: lets a program act for a user in one business, within its scopes and the user's role;
//   - principal: the user and session, or key, that a request acts for.
//
// # How fast an end takes effect
//
// Every request of a session asks what the session is worth now: ended, expired, account switched off, operator. A process
// remembers the answer for three seconds ([Config.StateLife]), so that a caller with a thousand requests a second costs
// one query in three seconds. What a process ends itself, it refuses at once. What another has ended, it refuses at the
// latest three seconds later, or at once when [Service.Forget] tells it. Roles in a business are not remembered:
// they are read in the transaction of each request.
//
// # What is kept
//
// Of passwords the hash; of refresh tokens the hash of the present one, and the secret they are derived from, sealed; of API
// keys and recovery codes the SHA-256, which suffices for random values of 120 bits and more; of second factors the
// secret, sealed. Sealed is what package secret opens with a key that is not in the database.
package auth
