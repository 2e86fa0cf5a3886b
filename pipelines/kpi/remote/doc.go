// Package remote reads the KPI sources that people configure: HTTP services that answer JSON or CSV, published sheets, and queries on
// Postgres. How does an address that anybody may write become points, without the machine that asks becoming a tool?
//
// A [Definition] is the configuration as it is stored, without its secrets. [Reader.Check] says what is wrong with one
// without asking anybody. [Reader.File] describes a source to package kpi, which reads its records by the same strict rules as
// files. Every connection goes through the guard of package fetch: public addresses only, beyond what the operator allows.
//
// What goes wrong is told twice: an [Error] reads as what its owner may know, and wraps the cause, which is for the log.
// Neither holds a secret.
//
// [Pushed] lands the points that were pushed and wait in Postgres.
package remote
