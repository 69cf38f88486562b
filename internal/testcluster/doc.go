// Package testcluster starts real redis-server and valkey-server processes on this machine's loopback, as a cluster or
// one alone, and does to them what operators and accidents do: slots moved in full or left half moved, masters failed
// over, killed, paused, cut off and restarted, nodes added and removed, slots taken away from everybody.
//
// How its parts meet:
//
//   - [Server] is a program that can be started. [List] and [Lookup] find them in the cache folder that
//     fetch-servers.sh fills, and on PATH; [Require] and [Find] do so for a test.
//   - [Config] says what to start: how many masters and replicas, passwords, ACL users, TLS, any other directive.
//   - [Start] starts it for a test and stops it at the test's end; [StartAt] is the same for programs.
//   - [Layout] is one of the ways in which tests set servers up. [Everywhere] runs a test on each server in each of
//     them, [Shared] in one, on clusters that the tests of a program share: a [Deployment] each, started once, stopped
//     by [Main]. The layout with an ACL user has README's, see [LeastUser].
//   - [Cluster] is what runs. Its nodes are numbered: masters first, in the order of their slots, then each master's
//     replicas, then what was added. The numbers stay with the processes; a failover changes roles, not numbers. Where
//     roles matter it is a shard that is named, by the number of its first master.
//   - [Cluster.StartSentinels] puts Sentinels beside a server alone and its replicas.
//   - [Script] draws a list of disturbances from a seed, an [Event] each, and [Cluster.Play] makes them happen while
//     others read and write. A [Record] says what happened when, and which slots can't be had any more.
//
// Nothing here uses the packages under test: the harness's own view of a cluster comes from CLUSTER NODES, read by
// a few lines of its own.
//
// # Nothing is left running
//
// Close, and so the end of a test, kills every server. When a test program dies without getting that far (a panic in
// a goroutine, os.Exit, SIGKILL, the test binary's own timeout), Linux kills the servers: each is started with the
// parent-death signal SIGKILL. That signal fires when the thread that started the server ends, not the process, and
// Go ends threads as it likes; so all servers of a cluster are started, also when restarted, by one goroutine that
// stays locked to its thread until Close. Elsewhere than on Linux only Close protects.
package testcluster
