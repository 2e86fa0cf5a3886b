// Package auth answers one question for the service: who is asking?
//
// A person signs in with e-mail and password ([Service.Login]) and gets an access token,
// which every later request shows ([Service.Authenticate]). What that person may then
// see is not decided here: the store reads under row-level security for the
// [Principal] this package found.
//
// The words of this package:
//
//   - password hash: Argon2id in PHC form, made by [Hasher];
//   - access token: a JWT signed with Ed25519, valid for fifteen minutes;
//   - signing key: an Ed25519 pair in Postgres, named by its key id, so that every
//     process of an installation signs and accepts alike;
//   - session: one sign-in of one person; its id is in every token of that sign-in;
//   - principal: the user and session that a request acts for.
package auth
