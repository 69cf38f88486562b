package chaos

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/redis/go-redis/v9"
)

// writeAll writes until ctx ends: keys that stay are written anew, others come and go. What fails is let be: the
// cluster is being disturbed, and a key that stays is not harmed by a write that doesn't get through.
func writeAll(ctx context.Context, rdb *redis.ClusterClient, writer int) {
	rng := rand.New(rand.NewPCG(uint64(writer), 7))
	for i := 0; ctx.Err() == nil; i++ {
		kind := []Kind{Hash, String}[rng.IntN(2)]
		stamp := fmt.Sprintf("w%d-%d", writer, i)
		switch rng.IntN(4) {
		case 0, 1:
			_ = rdb.Do(ctx, write(kind, stayingKey(kind, rng.IntN(staying)), stamp)...).Err()
		case 2:
			_ = rdb.Do(ctx, write(kind, passingKey(kind, rng.IntN(passing)), stamp)...).Err()
		case 3:
			_ = rdb.Del(ctx, passingKey(kind, rng.IntN(passing))).Err()
		}
		pause(ctx, 3*time.Millisecond) // the machine's time is for the scan
	}
}

func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
