// Package chaos scans clusters of real servers while these are disturbed, and judges what came out: every key that was
// there all the time has one row, no key has two, and the cells of a row stood together in the key at one moment.
//
// How its parts meet: a [Case] is drawn from a seed, which says how to scan, and what happens meanwhile (a script of
// package testcluster). [Case.Run] starts a cluster, fills it (keys.go), has writers write (writer.go) and the script
// played, lets a [Scanner] read, at a pace that makes the events fall inside (pace.go), and judges (judge.go). A failure
// tells the seed and the events with their times:
//
//	REDISARROW_CHAOS_SEED=17 go test ./internal/chaos -run TestChaos     that one again
//	REDISARROW_CHAOS_RUNS=200 go test ./internal/chaos -run TestChaos    seeds 1 to 200; make chaos RUNS=200
//
// The seed fixes what happens and in which order, not the moment at which it does, nor what the writers are just doing:
// a seed that failed may pass when it runs again. With both variables set, that many seeds run from that one on.
//
// The test can fail: [Plain], the loop that everybody writes first, is caught by the same scripts.
package chaos
