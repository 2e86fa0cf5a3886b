# Gives every exported name that sqlc leaves without a comment one that says what it is.
# The queries themselves are described in sql/serving/queries.
function describe(line,    name, base) {
  name = line
  sub(/^func \([^)]*\) /, "", name)
  sub(/^(func|type|const|var) /, "", name)
  sub(/[^A-Za-z0-9_].*/, "", name)
  if (name !~ /^[A-Z]/) return
  base = name
  if (line ~ /^type / && sub(/Params$/, "", base)) print "// " name " are the parameters of " base "."
  else if (line ~ /^type / && sub(/Row$/, "", base)) print "// " name " is one row of " base "."
  else if (line ~ /^const /) print "// " name " is the text of the query of that name."
  else if (name == "DBTX") print "// DBTX is what queries run on: a pool, a connection or a transaction."
  else if (name == "New") print "// New returns the queries on db."
  else if (name == "Queries") print "// Queries runs the typed queries."
  else if (name == "WithTx") print "// WithTx returns the queries in a transaction."
  else if (line ~ /^func /) print "// " name " runs the query of that name."
  else print "// " name " is one row of the table that it is named after."
}
/^(func|type|const|var) / && previous !~ /^\/\// { describe($0) }
{ print; previous = $0 }
