package minicluster_test

import (
	"context"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/redisarrow/redisarrow/internal/minicluster"
)

func Example() {
	c, err := minicluster.Start(minicluster.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Close()
	c.SetHash("user:1", "name", "Alice", "age", "30")
	c.Expire("user:1", time.Hour)

	rdb := redis.NewClusterClient(&redis.ClusterOptions{Addrs: c.Addrs()})
	defer rdb.Close()
	fmt.Println(rdb.HGetAll(context.Background(), "user:1").Val())
	fmt.Println(c.Keys(1), c.Count(1, "HGETALL"))
	// Output:
	// map[age:30 name:Alice]
	// [user:1] 1
}

// A key that is deleted between SCAN and its fetch.
func ExampleCluster_SetFault() {
	c, err := minicluster.Start(minicluster.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Close()
	c.SetHash("user:1", "name", "Alice")
	c.SetFault(func(_, _ int, args [][]byte) *minicluster.Fault {
		if string(args[0]) != "hgetall" {
			return nil
		}
		return &minicluster.Fault{Before: func() { c.Delete("user:1") }}
	})

	rdb := redis.NewClusterClient(&redis.ClusterOptions{Addrs: c.Addrs()})
	defer rdb.Close()
	fmt.Println(rdb.Exists(context.Background(), "user:1").Val())
	fmt.Println(rdb.HGetAll(context.Background(), "user:1").Val())
	// Output:
	// 1
	// map[]
}
