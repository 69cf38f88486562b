package scan

import (
	"fmt"

	"github.com/redisarrow/redisarrow/internal/resp"
)

// readKeys reads an array of keys onto a page. Nothing is known of a key before
// the reply is whole: the caller looks at them then.
func readKeys(r *resp.Reader, pg *page, most int, command string) (n int, err error) {
	h, err := r.ReadHeader()
	if err != nil {
		return 0, err
	}
	return readKeysOf(h, r, pg, most, command)
}

func readKeysOf(h resp.Header, r *resp.Reader, pg *page, most int, command string) (n int, err error) {
	if h.Kind != resp.Array || h.Null() {
		return 0, resp.Unexpected(h, command+"'s array of keys")
	}
	if h.N > int64(most) {
		return 0, &resp.ProtocolError{Reason: fmt.Sprintf("%s returned %d keys at once, which is no page", command, h.N)}
	}
	for range h.N {
		key, ok, err := r.ReadBulkReply()
		if err != nil {
			return 0, err
		}
		if !ok {
			return 0, &resp.ProtocolError{Reason: command + " returned a null key"}
		}
		if len(pg.keys)+len(key) > hugePage {
			return 0, &resp.ProtocolError{Reason: fmt.Sprintf("%s returned %d bytes of keys at once, which is no page", command, len(pg.keys)+len(key))}
		}
		pg.add(key)
	}
	return int(h.N), nil
}

const (
	// A page has COUNT keys, and the others of the last bucket looked at, which
	// in a table that is being rehashed has parts. What has so many more is no
	// page, and what is larger in bytes isn't held.
	morePageKeys = 1 << 20
	hugePage     = 1 << 30
)
