// Command bench compares ways to read the hashes and strings of a cluster,
// side by side in one run, because only the ratios repeat from one machine to
// another:
//
//   - floor sends the commands that ours sends, in the same pipeline, takes
//     the replies apart and throws them away: less than that nobody can do who
//     asks the servers for the same;
//   - idiomatic is go-redis as its documentation shows it: SCAN on each
//     master, a pipeline of HGETALL or GET for each page, strconv and time
//     into an array.RecordBuilder. What its servers do is the baseline for what
//     ours lets them do;
//   - ours is package iterator with its defaults;
//   - rueidis (with -rueidis), redis-py and polars-redis (with a -python that has
//     them) are programs of their own. One that can't be had is left out, and the
//     reason printed.
//
// It starts three masters of its own, fills them, and runs each reader in a
// process of its own (this program again, with the argument "read"), so that
// CPU time and peak memory are that reader's alone. The readers take turns
// (floor, idiomatic, ours, then idiomatic, ours, floor, …). What is printed are
// medians, and of ratios the medians of those of the same turn. The servers' CPU
// time is that of their main threads, as they tell it.
//
// What is read says -workloads: hashes of 3, 7 and 50 fields (half of them read)
// and strings, each also with a TTL column and every second key expiring, and
// hashes among strings under one pattern. As many keys of the other type are
// beside those that are read.
//
// A figure of a wrong scan is worse than none: every reader must report the
// number of rows that were written and the right sum over a column, and the
// servers' own statistics must show that floor and ours asked for the values of
// the same keys. Otherwise the program fails. A first scan of ours, which isn't
// counted, shows how it asks (GETKEYSINSLOT or SCAN, MGET or GET, HMGET or
// HGETALL), and the floor does the same.
//
// With -memory it also reads few and many keys and compares peak memory and
// allocations: neither may grow with the rows, but for the columns that are
// handed out. With -delay it reads through a line that takes 5 ms each way, and
// through one that takes none.
//
// At the end it says which bars are met: what ours has to reach. -record writes
// allocations and ratios of CPU time to a file, and -check fails if they have
// become worse than in that file.
//
// With -courtesy it times the GETs of another client, of one master, without a
// scan of it, during one with Duty, and during one without, in turns. With
// -promise it compares ours with the same program without the ledger's checks.
//
// How the parts meet: main.go runs the parts on each server. speed.go lets the
// readers read a workload (workload.go) by turns: data.go says what the keys hold,
// fill.go writes them, process.go starts the readers (floor.go, idiomatic.go,
// ours.go, and those of peer.go), measure.go is what they measure of themselves,
// and method.go how ours asked, for lister.go, which lists the floor's keys.
// server.go asks the servers, delay.go goes through line.go, memory.go is the
// part with many keys. report.go prints it all, bar.go holds it against the bars,
// and record.go against a file. promise.go and courtesy.go are parts of their own;
// the latter compares what getter.go times while loop.go scans.
//
// Linux only: where there is no /proc, peak memory is 0.
package main
