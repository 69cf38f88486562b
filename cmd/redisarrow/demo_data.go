package main

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/redisarrow/redisarrow/internal/minicluster"
	"github.com/redisarrow/redisarrow/schema"
)

const (
	demoUsers   = 3000
	demoEntries = 2000
)

// demoScans read what fillDemo makes.
func demoScans() ([]demoScan, error) {
	users, err := schema.ParseHash("_key:key,_ttl:ttl[s],name:utf8,age:int64,score:float64,active:boolean,signup_date:date32,seen:timestamp[ms,UTC]")
	if err != nil {
		return nil, err
	}
	entries, err := schema.ParseString("_key:key,_ttl:ttl[s],value:utf8")
	if err != nil {
		return nil, err
	}
	return []demoScan{
		{title: "hashes", pattern: "user:*", rows: hashRows{users}},
		{title: "strings", pattern: "cache:*", rows: stringRows{entries}},
	}, nil
}

// fillDemo makes the same users and cache entries every time.
func fillDemo(cluster *minicluster.Cluster) {
	random := rand.New(rand.NewPCG(1, 2))
	names := []string{"Alice", "Bob", "Chloé", "Dörte", "Emre", "Fatima", "Grace", "花子", "Ivan", "José"}
	begin := time.Date(2024, time.January, 1, 0, 0, 0, 0, time.UTC)
	for i := 1; i <= demoUsers; i++ {
		key := fmt.Sprintf("user:%d", i)
		signup := begin.AddDate(0, 0, random.IntN(700))
		pairs := []string{
			"name", names[random.IntN(len(names))],
			"age", strconv.Itoa(18 + random.IntN(70)),
			"active", strconv.FormatBool(random.IntN(3) > 0),
			"signup_date", signup.Format(time.DateOnly),
			"seen", signup.Add(time.Duration(random.IntN(1e6)) * time.Second).Format(time.RFC3339),
		}
		if random.IntN(4) > 0 { // the others show what a missing field becomes
			pairs = append(pairs, "score", strconv.FormatFloat(random.Float64()*100, 'f', 2, 64))
		}
		cluster.SetHash(key, pairs...)
		if random.IntN(5) == 0 {
			cluster.Expire(key, time.Duration(1+random.IntN(24))*time.Hour)
		}
	}
	for i := 1; i <= demoEntries; i++ {
		key := fmt.Sprintf("cache:%d", i)
		cluster.SetString(key, fmt.Sprintf("page %d, %d visits", i, random.IntN(10_000)))
		cluster.Expire(key, time.Duration(60+random.IntN(3600))*time.Second)
	}
}
