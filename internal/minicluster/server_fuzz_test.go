package minicluster

import (
	"context"
	"errors"
	"io"
	"maps"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/redisarrow/redisarrow/internal/resp"
)

// fuzzArgs are arguments that mean something to some command.
var fuzzArgs = []string{
	"", "0", "1", "-1", "2", "16383", "16384", "99999999999999999999", "a", "b", "{a}b", "user:1", "*", "a*", "[", "1.5",
	"MATCH", "COUNT", "TYPE", "hash", "string", "NODES", "SLOTS", "SHARDS", "INFO", "SETSLOT", "MIGRATING", "IMPORTING", "NODE", "STABLE", "ADDSLOTS", "DELSLOTS",
	"GETKEYSINSLOT", "COUNTKEYSINSLOT", "KEYSLOT", "MYID", "AUTH", "SETNAME", "GETNAME", "ID", "NO-TOUCH", "LIST", "server", "x\r\ny", "\xff\x00", "EX", "PX", "NX", "XX", "GET", "LADDR",
	"127.0.0.1", "7000", "7001", "COPY", "REPLACE", "KEYS", "NOPASS",
	"SLOT", "0-{a}-0", "x-{b}-16384", "--",
}

// Whatever commands come, each has one reply, well-formed; and what isn't a
// command ends in an error and the end of the connection.
func FuzzServer(f *testing.F) {
	commands := append(slices.Sorted(maps.Keys(newCommands(&Config{Valkey: "9.1.2"}))), "NO SUCH\r\nCOMMAND")
	byName := map[string]byte{}
	for i, name := range commands {
		byName[name] = byte(i)
		f.Add([]byte{byte(i), 0, byte(i), 1, 8, byte(i), 2, 8, 9, byte(i), 3, 8, 2, 9}, []byte(nil), byte(0))
	}
	f.Add([]byte{byName["CLUSTER"], 1, byte(slices.Index(fuzzArgs, "x\r\ny"))}, []byte(nil), byte(0))
	f.Add([]byte{byName["MULTI"], 0, byName["SET"], 2, 8, 9, byName["GET"], 0, byName["EXEC"], 0}, []byte("*1\r\n:1\r\n"), byte(1))
	f.Add([]byte{byName["HSET"], 3, 8, 9, 1, byName["SCAN"], 3, 1, 16, 12, byName["HGETALL"], 1, 8}, []byte("PING\r\n"), byte(6))
	f.Fuzz(func(t *testing.T, script, garbage []byte, settings byte) {
		if len(script) > 256 {
			return
		}
		synctest.Test(t, func(t *testing.T) {
			cfg := Config{Memory: true, Masters: 2, SlotTables: settings&1 > 0, Announce: Announce(settings >> 1 % 6)}
			if settings>>5&1 > 0 {
				cfg.Valkey = "9.1.2"
			}
			if settings>>4&1 > 0 {
				cfg.Masters, cfg.Standalone = 1, true
			}
			c, err := Start(cfg)
			require.NoError(t, err)
			defer c.Close()
			nc, err := c.Dial(t.Context(), "tcp", c.Addrs()[0])
			require.NoError(t, err)
			conn := resp.NewConn(nc)
			defer conn.Close()
			ctx, cancel := context.WithTimeout(t.Context(), time.Hour) // of the bubble's time
			defer cancel()
			for len(script) > 1 {
				args := []string{commands[int(script[0])%len(commands)]}
				n := int(script[1] % 8)
				script = script[2:]
				for ; n > 0 && len(script) > 0; n-- {
					args = append(args, fuzzArgs[int(script[0])%len(fuzzArgs)])
					script = script[1:]
				}
				_, err := conn.Pipeline(ctx, args)
				require.NoError(t, err, "%q", args)
				require.Zero(t, conn.Buffered(), "more than one reply to %q", args)
				if args[0] == "QUIT" {
					return
				}
			}
			_, err = nc.Write(garbage)
			require.NoError(t, err)
			conn.SetTimeout(time.Minute)
			for err == nil {
				_, err = conn.ReadValue()
			}
			if !errors.Is(err, resp.ErrStalled) { // it waits for the rest of a command
				require.ErrorIs(t, err, io.EOF)
			}
		})
	})
}
