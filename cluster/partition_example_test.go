package cluster_test

import (
	"context"
	"fmt"
	"log"

	"github.com/redisarrow/redisarrow/cluster"
	"github.com/redisarrow/redisarrow/internal/minicluster"
)

// One process cuts the slots, and hands each of the others a set, as text.
func ExamplePartition() {
	server, err := minicluster.Start(minicluster.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer server.Close()
	for i := range 1000 {
		server.SetString(fmt.Sprint("{user42}:", i), "x") // half of the keys are in one slot, 14710
		server.SetString(fmt.Sprint("user:", i), "x")
	}
	ctx := context.Background()
	rdb, err := cluster.Connect(ctx, cluster.Options{URLs: server.URLs()})
	if err != nil {
		log.Fatal(err)
	}
	defer rdb.Close()

	sets, err := cluster.Partition(ctx, rdb, 2)
	if err != nil {
		log.Fatal(err)
	}
	for _, set := range sets {
		task := set.String() // an argument of the other process, say

		slots, err := cluster.ParseRanges(task) // and what that one does
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(task, "are", slots.Len(), "slots")
	}
	// Output:
	// 0-14709 are 14710 slots
	// 14710-16383 are 1674 slots
}

// Processes that don't talk to each other cut alike.
func ExampleEvenPartition() {
	sets, err := cluster.EvenPartition(3)
	if err != nil {
		log.Fatal(err)
	}
	for _, set := range sets {
		fmt.Println(set)
	}
	_, err = cluster.EvenPartition(0)
	fmt.Println(err)
	// Output:
	// 0-5460
	// 5461-10921
	// 10922-16383
	// cluster: the slots can be cut into 1 to 16384 partitions, not 0
}
