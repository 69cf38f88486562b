package cluster_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/redis/go-redis/v9"

	"github.com/redisarrow/redisarrow/cluster"
	"github.com/redisarrow/redisarrow/internal/minicluster"
)

// What one node knows of the cluster. Its own line is marked myself; a mark such as
// [777->-…] on it is an open migration.
func ExampleParseView() {
	view, err := cluster.ParseView("" +
		"07c37dfeb235213a872192d90877d0cd55635b91 127.0.0.1:30004@31004,host4 slave e7d1eecce10fd6bb5eb35b9f99a514335d9ba9ca 0 1426238317239 4 connected\n" +
		"e7d1eecce10fd6bb5eb35b9f99a514335d9ba9ca 127.0.0.1:30001@31001,host1 myself,master - 0 0 1 connected 0-5460 [777->-292f8b365bb7edb5e285caf0b7e6ddc7265d2f4f]\n")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("owns", view.Self.Slots)
	for slot, to := range view.Migrating {
		fmt.Println("moves", slot, "to", to[:8])
	}
	replica := view.Others[0]
	fmt.Println("a master:", replica.Master(), "at", replica.Addr("127.0.0.1:30001", false))
	// Output:
	// owns 0-5460
	// moves 777 to 292f8b36
	// a master: false at 127.0.0.1:30004
}

// Sets of slots are written as CLUSTER commands and the tools write them.
func ExampleParseRanges() {
	mine, err := cluster.ParseRanges("0-5460,7000")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(mine.Len(), mine.Has(7000))
	// Output: 5462 true
}

func ExampleAllSlots() {
	mine, err := cluster.ParseRanges("0-5460,7000")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("the others:", cluster.AllSlots().Minus(mine))
	// Output: the others: 5461-6999,7001-16383
}

// A redirect is an error reply. A host that is left empty is that of the node
// that answered.
func ExampleParseRedirect() {
	r, ok := cluster.ParseRedirect("ASK 3999 :6381", "10.0.0.1:6379")
	fmt.Println(ok, r.Ask, r.Slot, r.Addr)
	_, ok = cluster.ParseRedirect("ERR unknown command", "10.0.0.1:6379")
	fmt.Println(ok)
	// Output:
	// true true 3999 10.0.0.1:6381
	// false
}

func ExampleParseServerInfo() {
	info := cluster.ParseServerInfo("# Server\r\nredis_version:7.2.4\r\nvalkey_version:8.1.1\r\nredis_mode:cluster\r\n" +
		"run_id:5b4f3d2c1a0e9f8d7c6b5a4f3e2d1c0b9a8f7e6d\r\nuptime_in_seconds:3600\r\n# Replication\r\nrole:master\r\n")
	fmt.Println("Valkey", info.ValkeyVersion, info.Role, "in a cluster:", info.ClusterEnabled, "for", info.Uptime)
	// Output: Valkey 8.1.1 master in a cluster: true for 1h0m0s
}

func ExampleParseReplication() {
	r := cluster.ParseReplication("role:slave\r\nmaster_link_status:up\r\nslave_repl_offset:1024\r\nmaster_replid:75f0\r\n")
	fmt.Println(r.Role, r.LinkUp, r.Offset)
	// Output: slave true 1024
}

func ExampleParseInfo() {
	info := cluster.ParseInfo("cluster_state:fail\r\ncluster_known_nodes:6\r\ncluster_current_epoch:7\r\n")
	fmt.Println(info.OK(), info.KnownNodes, info.CurrentEpoch)
	// Output: false 6 7
}

func ExampleParseCalls() {
	const stats = "# Commandstats\r\ncmdstat_migrate:calls=3,usec=912,usec_per_call=304.00,rejected_calls=0,failed_calls=0\r\n"
	fmt.Println(cluster.ParseCalls(stats, "migrate"), cluster.ParseCalls(stats, "get"))
	// Output: 3 0
}

// A [cluster.Dialer] is made of a client that a program has already.
func ExampleNewDialer() {
	rdb := redis.NewClient(&redis.Options{Addr: "redis.example.com:6379"})
	defer rdb.Close()
	dialer, err := cluster.NewDialer(rdb) // nothing is dialled yet
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(dialer.Seeds(), "a cluster:", dialer.Cluster(), "TLS:", dialer.Secure())
	// Output: [redis.example.com:6379] a cluster: false TLS: false
}

// No waiting mends a user that isn't let in, or may not run a command.
func ExampleIsDenied() {
	server, err := minicluster.Start(minicluster.Config{Password: "secret"}) // stands for your cluster
	if err != nil {
		log.Fatal(err)
	}
	defer server.Close()
	_, err = cluster.Connect(context.Background(), cluster.Options{URLs: server.URLs(), Password: "wrong"})
	fmt.Println(cluster.IsDenied(err), cluster.IsDenied(errors.New("connection refused")))
	// Output: true false
}
