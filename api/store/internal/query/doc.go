// Package query holds the typed queries that sqlc makes of sql/serving/queries: one
// method for each named query, described in its .sql file.
package query
