// Package cluster runs a private Postgres server in a folder.
//
// Where does everything lie? Below Config.Dir:
//
//	lock          held (flock) by the process that runs the cluster; holds its pid
//	place         only when the data lies elsewhere: one line, the folder that holds it
//	pgdata/       Postgres's own data directory
//	run/          the unix socket
//	server.log    what the server wrote; the previous one is server.log.1
//
// Postgres refuses to run as root. Started as root, the server and initdb run as the user
// postgres, or nobody where that does not exist, and that user must be able to enter the
// folder. If one of its parents shuts it out (a checkout below /root), pgdata, run and
// server.log lie in a folder of their own below /var/lib/signalcraft, named after Config.Dir; the
// file place in Config.Dir names it, and the file owner in it names Config.Dir. When
// Config.Dir is deleted, that folder stays, is never used again, and is named in a warning when
// Config.Dir is next started.
//
// The server listens on a unix socket only. Every connection over it is trusted, so the socket's
// folder is mode 0700 and belongs to the server's user. A socket's path may not exceed 107 bytes;
// when Config.Dir is too deep, the socket lies in the system's temporary folder under
// signalcraft-<hash of the place>.
//
// What happens when this process dies? The server is the child of a small shell, the guard,
// which holds the reading end of a pipe from this process. When the process ends, however it
// ends, the pipe closes and the guard stops the server. If the guard was killed as well, the
// server lives on as an orphan: the next Start finds it by its working directory, which Postgres
// sets to the data directory, stops it and starts a new one. It is not adopted, since nobody
// could then vouch for its settings or be told of its end.
package cluster
