// Command redisarrow writes the hashes and strings of a Redis or Valkey cluster
// into Arrow IPC files and streams, and looks at a cluster before that.
//
//	redisarrow export --url redis://node1:7000 --type hash --pattern 'user:*' \
//	    --schema 'name:utf8,age:int64' --output users.arrow
//	redisarrow health --url redis://node1:7000
//	redisarrow demo
//
// How its parts meet: main.go and root.go start a command and turn its error
// into a line and an exit status (exit.go); export.go, health.go and demo.go are
// the commands. What both need has a file of its own: connect.go (flags and
// passwords to a client), rows.go (flags to a schema and an iterator),
// console.go, progress.go with estimate.go and summary.go (what stands on standard
// error), observe.go and report.go (the log, and the summary for programs),
// secrets.go (what must never stand there).
//
// Exit status: 0 for a whole result, 2 for a mistake on the command line, 3 where no
// connection came about, 4 for an incomplete result, 5 for cells that don't fit,
// 1 for any other failure, 130 after Ctrl-C (128 and the signal's number); health has
// 3 and 4 of its own.
package main
