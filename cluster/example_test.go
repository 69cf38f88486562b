package cluster_test

import (
	"context"
	"fmt"
	"log"
	"net"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/redisarrow/redisarrow/cluster"
	"github.com/redisarrow/redisarrow/internal/minicluster"
	"github.com/redisarrow/redisarrow/internal/resp"
)

// Keys with the same hash tag are in the same slot, so on the same node.
func ExampleSlot() {
	fmt.Println(cluster.Slot([]byte("user:1")))
	fmt.Println(cluster.Slot([]byte("{user42}:name")) == cluster.Slot([]byte("{user42}:cart")))
	// Output:
	// 10778
	// true
}

// A pattern whose hash tag is fixed needs one node to be asked, not all.
func ExamplePatternSlot() {
	fmt.Println(cluster.PatternSlot("{tag}:*"))
	fmt.Println(cluster.PatternSlot("user:*"))
	// Output:
	// 8338 true
	// 0 false
}

func ExampleConnect() {
	node := startNode()
	defer node.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()

	rdb, err := cluster.Connect(ctx, cluster.Options{
		URLs:     []string{"redis://scanner@" + node.Addr().String()},
		Password: "secret", // from a file, say
	})
	if err != nil {
		log.Fatal(err)
	}
	defer rdb.Close()

	_, isCluster := rdb.(*redis.ClusterClient)
	fmt.Println("a cluster:", isCluster)
	// Output: a cluster: true
}

// A master that Sentinels watch: the URLs are the Sentinels', user and password
// beside them are the server's.
func ExampleConnect_sentinel() {
	sentinel := startSingle("tcp", "127.0.0.1:0") // stands for your Sentinel, and for the server
	defer sentinel.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()

	rdb, err := cluster.Connect(ctx, cluster.Options{
		URLs:           []string{"redis://" + sentinel.Addr().String() + "/2"}, // database 2 of the server
		SentinelMaster: "mymaster",
		Username:       "scanner", Password: "secret",
	})
	if err != nil {
		log.Fatal(err)
	}
	defer rdb.Close()

	_, single := rdb.(*redis.Client) // it asks the Sentinels for each new connection
	fmt.Println("a single server:", single)
	// Output: a single server: true
}

// A server's socket on this machine, database 2.
func ExampleConnect_socket() {
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	server := startSingle("unix", dir+"/redis.sock") // stands for your server
	defer server.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()

	rdb, err := cluster.Connect(ctx, cluster.Options{URLs: []string{"unix://scanner@" + dir + "/redis.sock?db=2"}, Password: "secret"})
	if err != nil {
		log.Fatal(err)
	}
	defer rdb.Close()

	fmt.Println(rdb.Ping(ctx).Val())
	// Output: OK
}

func ExampleDiscover() {
	node := startNode()
	defer node.Close()
	ctx := context.Background()

	rdb := redis.NewClusterClient(&redis.ClusterOptions{
		Addrs: []string{node.Addr().String()}, Username: "scanner", Password: "secret",
	})
	defer rdb.Close()
	dialer, err := cluster.NewDialer(rdb)
	if err != nil {
		log.Fatal(err)
	}
	topology, err := cluster.Discover(ctx, dialer)
	if err != nil {
		log.Fatal(err)
	}
	for _, master := range topology.Masters {
		conn, err := dialer.Dial(ctx, master.Addr) // connected, authenticated, and ours
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(master.Slots)
		_ = conn.Close()
	}
	fmt.Println("slots that nobody owns:", topology.Unowned())
	// Output:
	// 0-16000
	// slots that nobody owns: 16001-16383
}

// Before a long scan: can it keep its promise, and if not, why?
func ExampleCheck() {
	server, err := minicluster.Start(minicluster.Config{}) // stands for your cluster
	if err != nil {
		log.Fatal(err)
	}
	defer server.Close()
	server.Unassign(100, 101, 102)
	ctx := context.Background()

	rdb, err := cluster.Connect(ctx, cluster.Options{URLs: server.URLs()})
	if err != nil {
		log.Fatal(err)
	}
	defer rdb.Close()
	report, err := cluster.Check(ctx, rdb)
	if err != nil {
		log.Fatal(err) // nothing could be found out
	}
	fmt.Println("can keep its promise:", report.Verdict)
	fmt.Println("slots that nobody owns:", report.SlotsUnowned)
	for _, f := range report.Findings {
		fmt.Println(f.Severity, f.Code) // Text says what to do
	}
	for _, n := range report.Nodes {
		fmt.Println(n.Role, n.State, n.SlotCount, n.Way)
	}
	// Output:
	// can keep its promise: no
	// slots that nobody owns: 100-102
	// problem slot_unowned
	// problem cluster_down
	// note no_replica
	// master cluster_down 5458 keysinslot
	// master cluster_down 5462 keysinslot
	// master cluster_down 5461 keysinslot
}

// startNode is a node of a cluster, as far as these examples look at it.
func startNode() net.Listener { return start("tcp", "127.0.0.1:0", true) }

// startSingle is likewise a server that is alone, and a Sentinel that watches it.
func startSingle(network, addr string) net.Listener { return start(network, addr, false) }

func start(network, addr string, inCluster bool) net.Listener {
	ln, err := net.Listen(network, addr)
	if err != nil {
		log.Fatal(err)
	}
	port := int64(0)
	if tcp, ok := ln.Addr().(*net.TCPAddr); ok {
		port = int64(tcp.Port)
	}
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			go serveNode(conn, port, inCluster)
		}
	}()
	return ln
}

func serveNode(conn net.Conn, port int64, inCluster bool) {
	defer conn.Close()
	rd := resp.NewReader(conn, 4096)
	var args [][]byte
	for {
		var err error
		if args, err = rd.ReadCommand(args); err != nil {
			return
		}
		var reply []byte
		switch command := strings.ToUpper(string(args[0])); {
		case command == "CLUSTER" && !inCluster:
			reply = resp.AppendError(reply, "ERR This instance has cluster support disabled")
		case command == "SENTINEL":
			reply = resp.AppendBulkString(resp.AppendArray(reply, 2), "127.0.0.1")
			reply = resp.AppendBulkString(reply, strconv.FormatInt(port, 10))
		case command == "CLUSTER" && strings.EqualFold(string(args[1]), "slots"):
			reply = resp.AppendArray(resp.AppendArray(reply, 1), 3)
			reply = resp.AppendInt(resp.AppendInt(reply, 0), 16000)
			reply = resp.AppendInt(resp.AppendNull(resp.AppendArray(reply, 2)), port)
		case command == "CLUSTER":
			reply = resp.AppendBulkString(reply, "cluster_state:ok\r\n")
		case command == "HELLO" && len(args) != 5:
			reply = resp.AppendError(reply, "NOAUTH HELLO must be called with the client already authenticated")
		case command == "HELLO":
			reply = resp.AppendArray(reply, 0)
		default:
			reply = resp.AppendSimple(reply, "OK")
		}
		if _, err := conn.Write(reply); err != nil {
			return
		}
	}
}

// Two masters' answers to CLUSTER NODES: they agree about all but one slot.
func ExampleAgree() {
	var views []*cluster.View
	for _, nodes := range []string{
		"a 127.0.0.1:7000@17000 myself,master - 0 0 1 connected 0-8191\nb 127.0.0.1:7001@17001 master - 0 0 2 connected 8192-16383",
		"a 127.0.0.1:7000@17000 master - 0 0 1 connected 0-8190\nb 127.0.0.1:7001@17001 myself,master - 0 0 2 connected 8191-16383",
	} {
		view, err := cluster.ParseView(nodes)
		if err != nil {
			log.Fatal(err)
		}
		views = append(views, view)
	}
	agreed := cluster.Agree(views)
	fmt.Println("a:", agreed.Owners["a"], "b:", agreed.Owners["b"], "disputed:", agreed.Disputed)
	// Output: a: 0-8190 b: 8192-16383 disputed: 8191
}
