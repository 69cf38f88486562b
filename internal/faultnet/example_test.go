package faultnet_test

import (
	"context"
	"fmt"

	"github.com/redis/go-redis/v9"

	"github.com/redisarrow/redisarrow/internal/faultnet"
	"github.com/redisarrow/redisarrow/internal/minicluster"
)

// The first connection breaks in the middle of the reply to GET; the client
// connects anew.
func Example() {
	c, err := minicluster.Start(minicluster.Config{Standalone: true})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Close()
	c.SetString("greeting", "hello")

	n, err := faultnet.New()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer n.Close()
	n.SetPlan(func(conn faultnet.Conn) faultnet.Plan {
		if conn.N > 0 {
			return faultnet.Plan{}
		}
		return faultnet.Plan{Replies: faultnet.Stream{
			Fault: faultnet.Fault{Kind: faultnet.Reset, Command: "GET", At: 6},
		}}
	})

	rdb := redis.NewClient(&redis.Options{Addr: c.Addrs()[0], Dialer: n.Dial, Protocol: 2, DisableIdentity: true})
	defer rdb.Close()
	fmt.Println(rdb.Get(context.Background(), "greeting").Val())
	for _, r := range n.Records() {
		fmt.Println(r.Conn.N, r.Struck, r.Replies[len(r.Replies)-1])
	}
	// Output:
	// hello
	// 0 true {GET 6}
	// 1 false {GET 11}
}
