// Command bench compares ways to read the hashes and strings of a cluster,
// side by side in one run, because only the ratios repeat from one machine to
// another:
//
//   - floor sends the commands that ours sends, in the same pipeline, takes
//     the replies apart and throws them away: less than that nobody can do who
//     asks the servers for the same;
//   - idiomatic is go-redis as its documentation shows it: SCAN on each
//     master, a pipeline of HGETALL or GET for each page, strconv and time
//     into an array.RecordBuilder;
//   - ours is package iterator with its defaults.
//
// It starts three masters of its own, fills them, and runs each reader in a
// process of its own (this program again, with the argument "read"), so that
// CPU time and peak memory are that reader's alone. The readers take turns
// (floor, idiomatic, ours, floor, …); what is printed are medians.
//
// A figure of a wrong scan is worse than none: every reader must report the
// number of rows that were written and the right sum over a column, and the
// servers' own statistics must show that floor and ours sent the same
// commands. Otherwise the program fails.
//
// With -memory it also reads 100 thousand and 3 million keys and compares
// peak memory and allocations: neither may grow with the rows, but for the
// columns that are handed out.
//
// With -courtesy it times the GETs of another client, of one master, without a
// scan of it, during one with Duty, and during one without, in turns.
//
// How the parts meet: main.go runs the parts, data.go says what the keys
// hold, fill.go writes them, process.go starts the readers (floor.go,
// idiomatic.go, ours.go) and measure.go is what they measure of themselves;
// server.go asks the servers, table.go prints. courtesy.go compares what getter.go
// times while loop.go scans.
//
// Linux only: where there is no /proc, peak memory is 0.
package main
