package cluster

import (
	"errors"

	"github.com/redis/go-redis/v9"
	"github.com/redisarrow/redisarrow/internal/resp"
)

// IsDenied reports whether err says that a server refuses the user, or a
// command to the user: what no waiting mends.
func IsDenied(err error) bool {
	if reply := (*resp.ReplyError)(nil); errors.As(err, &reply) {
		switch reply.Code() {
		case "NOAUTH", "NOPERM", "WRONGPASS":
			return true
		}
	}
	return redis.IsAuthError(err) || redis.IsPermissionError(err)
}
