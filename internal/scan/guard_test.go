package scan

import (
	"fmt"
	"strings"
	"testing"

	"github.com/redisarrow/redisarrow/cluster"
	"github.com/redisarrow/redisarrow/internal/resp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// ownView is a CLUSTER NODES in which a node has a line of its own that ends so.
func ownView(id, flags string, epoch int, slots string) string {
	return "other 10.0.0.2:6379@16379 master - 0 1700000000 3 connected 10-19 [10->-none]\n" +
		fmt.Sprintf("%s 10.0.0.1:6379@16379 myself,%s - 0 1700000001 %d connected %s\n", id, flags, epoch, slots) +
		"last 10.0.0.3:6379@16379 slave other 0 1700000002 3 connected\n"
}

func TestGuardLook(t *testing.T) {
	for name, c := range map[string]struct {
		role     role
		text     string
		safe     string // of 0-29
		hidden   string
		owned    string
		err      error
		protocol bool
	}{
		"owner":                       {owner, ownView("me", "master", 7, "0-9"), "0-9", "", "0-9", nil, false},
		"owner, some are moving":      {owner, ownView("me", "master", 7, "0-9 [3->-b] [4->-c] [20->-b]"), "0-2,5-9", "", "0-9", nil, false},
		"owner, one is being read in": {owner, ownView("me", "master", 7, "0-9 [3-<-b] [20-<-b]"), "0-2,4-9", "", "0-9", nil, false},
		"owner of nothing":            {owner, ownView("me", "master", 7, ""), "", "", "", nil, false},
		"source":                      {source, ownView("me", "master", 7, "0-9 [3->-b] [4->-c] [5->-b] [5-<-b] [20->-b]"), "3", "", "0-9", nil, false},
		"source of nothing more":      {source, ownView("me", "master", 7, "0-9"), "", "", "0-9", nil, false},
		"target":                      {target, ownView("me", "master", 7, "10-19 [3-<-a] [4-<-c] [15-<-a]"), "0-3,5-9,20-29", "0-2,5-9,20-29", "10-19", nil, false},
		"target that owns":            {target, ownView("me", "master", 7, "0-29"), "", "", "0-29", nil, false},
		"replica":                     {owner, ownView("me", "slave", 7, ""), "", "", "", errDemoted, false},
		"another epoch":               {owner, ownView("me", "master", 8, "0-9"), "", "", "", errEpoch, false},
		"another node":                {owner, ownView("you", "master", 7, "0-9"), "", "", "", cluster.ErrWrongNode, false},
		"no line of its own":          {owner, "other 10.0.0.2:6379@16379 master - 0 1 3 connected 10-19\n", "", "", "", nil, true},
		"no text":                     {owner, "", "", "", "", nil, true},
		"malformed":                   {owner, "me x myself,master - 0 0 7 connected 0-9\n", "", "", "", nil, true},
		"no epoch":                    {owner, "me 10.0.0.1:1@2 myself,master - 0 0 seven connected 0-9\n", "", "", "", nil, true},
		"without an end of line":      {owner, "me 10.0.0.1:1@2 myself,master - 0 0 7 connected 0-9", "0-9", "", "0-9", nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			g := &guard{id: "me", epoch: 7, role: c.role}
			switch c.role {
			case source:
				g.target = "b"
			case target:
				g.source = "a"
			}
			err := g.look([]byte(c.text))
			var protocol *resp.ProtocolError
			switch {
			case c.protocol:
				require.ErrorAs(t, err, &protocol)
				return
			case c.err != nil:
				require.ErrorIs(t, err, c.err)
				return
			}
			require.NoError(t, err)
			looked := ranges(t, "0-29")
			assert.Equal(t, c.safe, g.view.safe.Intersect(looked).String(), "safe")
			assert.Equal(t, c.hidden, g.view.hidden.Intersect(looked).String(), "hidden")
			assert.Equal(t, c.owned, g.view.owned.String(), "owned")
		})
	}
}

// A line that has only other times in it is the same, and not read again; any other
// change is noticed, whatever was seen in between.
func TestGuardLooksAtChanges(t *testing.T) {
	g := &guard{id: "me", epoch: 7}
	line := "me 10.0.0.1:6379@16379 myself,master - %d %d 7 connected %s\n"
	look := func(ping, pong int, slots string) error { return g.look(fmt.Appendf(nil, line, ping, pong, slots)) }
	require.NoError(t, look(0, 0, "0-9"))
	later := []byte("me 10.0.0.1:6379@16379 myself,master - 0 1700000000 7 connected 0-9\n")
	allocs := testing.AllocsPerRun(100, func() { _ = g.look(later) })
	assert.LessOrEqual(t, allocs, 1.0, "but for the fields of the line")
	for i, slots := range []string{"0-9", "0-8", "0-9", "0-9 [3->-b]", "0-9 [3->-c]", "0-9", "0-90", "0-9"} {
		require.NoError(t, look(i, 2*i, slots))
		want := slots
		if strings.Contains(slots, "[") {
			want = "0-2,4-9"
		}
		assert.Equal(t, want, g.view.safe.String(), slots)
	}
	require.ErrorIs(t, g.look([]byte(strings.Replace(fmt.Sprintf(line, 0, 0, "0-9"), " 7 ", " 8 ", 1))), errEpoch)
	// What was refused is refused the next time, too.
	require.ErrorIs(t, g.look([]byte(strings.Replace(fmt.Sprintf(line, 0, 0, "0-9"), " 7 ", " 8 ", 1))), errEpoch)
}

// What isn't safe has a reason.
func TestGuardReasons(t *testing.T) {
	g := &guard{id: "me", epoch: 7}
	require.NoError(t, g.look([]byte(ownView("me", "master", 7, "0-9 [3->-b]"))))
	got := map[string]error{}
	for _, r := range g.reasons(ranges(t, "3,10-12")) {
		got[r.Slots.String()] = r.Err
	}
	assert.Equal(t, map[string]error{"3": errMigrating, "10-12": errMoved}, got)
	for _, r := range []role{source, target} {
		g.role = r
		reasons := g.reasons(ranges(t, "3,10-12"))
		require.Len(t, reasons, 1)
		assert.Equal(t, errMarkChanged, reasons[0].Err)
	}
}

func bulk(text string) string { return string(resp.AppendBulkString(nil, text)) }

const (
	queued  = "+QUEUED\r\n"
	aborted = "-EXECABORT Transaction discarded because of previous errors.\r\n"
	noPerm  = "-NOPERM User lim has no permissions to run the 'x' command\r\n"
)

// The replies of servers to a guarded request with two commands, as they were met
// on Redis 7.0 and 8.0 and Valkey 8.1 and 9.1.
func TestGuardOpen(t *testing.T) {
	nodes := bulk(ownView("me", "master", 7, "0-9"))
	listed := "+first\r\n+second\r\n"
	all := "+OK\r\n" + strings.Repeat(queued, 3)
	for name, c := range map[string]struct {
		wire    string
		loose   bool
		refused string // its command, and the reply's code
		err     error
		opened  bool
	}{
		"accepted":                              {wire: all + "*3\r\n" + nodes + listed, opened: true},
		"MULTI is denied":                       {wire: noPerm + nodes + listed + "-ERR EXEC without MULTI\r\n", refused: "MULTI NOPERM"},
		"CLUSTER NODES is denied":               {wire: "+OK\r\n" + noPerm + queued + queued + aborted, refused: "CLUSTER NODES NOPERM"},
		"the command is denied":                 {wire: "+OK\r\n" + queued + noPerm + noPerm + aborted, refused: "LIST NOPERM"},
		"the command is unknown":                {wire: "+OK\r\n" + queued + "-ERR unknown command 'LIST'\r\n" + queued + aborted, refused: "LIST ERR"},
		"EXEC is denied":                        {wire: all + noPerm, refused: "EXEC NOPERM"},
		"rights are taken away before EXEC":     {wire: all + "-NOPERM ACLs rules changed between the moment the transaction was accumulated and the EXEC call.\r\n", refused: "EXEC NOPERM"},
		"a slot is moved before EXEC":           {wire: all + "-MOVED 5 10.0.0.2:6379\r\n", refused: "EXEC MOVED"},
		"a migration is opened before EXEC":     {wire: all + "-ASK 5 10.0.0.2:6379\r\n", refused: "EXEC ASK"},
		"the cluster is down":                   {wire: "+OK\r\n" + queued + "-CLUSTERDOWN The cluster is down\r\n" + queued + aborted, refused: "LIST CLUSTERDOWN"},
		"slots of several in one transaction":   {wire: all + "-CROSSSLOT Keys in request don't hash to the same slot\r\n", refused: "EXEC CROSSSLOT"},
		"a server that is loading":              {wire: strings.Repeat("-LOADING Redis is loading the dataset in memory\r\n", 5), refused: "MULTI LOADING"},
		"not logged in":                         {wire: strings.Repeat("-NOAUTH Authentication required.\r\n", 5), refused: "MULTI NOAUTH"},
		"a transaction in a transaction":        {wire: "-ERR MULTI calls can not be nested\r\n" + strings.Repeat(queued, 3) + "*3\r\n" + nodes + listed, refused: "MULTI ERR"},
		"WATCHed keys changed":                  {wire: all + "*-1\r\n", err: errAny},
		"fewer replies than commands":           {wire: all + "*2\r\n" + nodes + "+first\r\n", err: errAny},
		"more replies than commands":            {wire: all + "*4\r\n" + nodes + listed + "+third\r\n", err: errAny},
		"EXEC's reply isn't an array":           {wire: all + "+OK\r\n", err: errAny},
		"CLUSTER NODES fails inside":            {wire: all + "*3\r\n-ERR This instance has cluster support disabled\r\n" + listed, refused: "CLUSTER NODES ERR"},
		"CLUSTER NODES is null":                 {wire: all + "*3\r\n$-1\r\n" + listed, err: errAny},
		"CLUSTER NODES is too large":            {wire: all + fmt.Sprintf("*3\r\n$%d\r\n", int64(resp.MaxAnswer)+1), err: resp.ErrTooLarge},
		"it isn't the owner's process any more": {wire: all + "*3\r\n" + bulk(ownView("me", "slave", 7, "")) + listed, err: errDemoted},
		"another epoch":                         {wire: all + "*3\r\n" + bulk(ownView("me", "master", 8, "0-9")) + listed, err: errEpoch},
		"cut off":                               {wire: all + "*3\r\n" + nodes[:len(nodes)-20], err: errAny},
		"cut off earlier":                       {wire: all[:9], err: errAny},

		"loose, accepted":                {loose: true, wire: nodes + listed, opened: true},
		"loose, CLUSTER NODES is denied": {loose: true, wire: noPerm + listed + noPerm, refused: "CLUSTER NODES NOPERM"},
		"loose, another epoch":           {loose: true, wire: bulk(ownView("me", "master", 8, "0-9")) + listed + nodes, err: errEpoch},
		"loose, a number":                {loose: true, wire: ":5\r\n" + listed + nodes, err: errAny},
	} {
		t.Run(name, func(t *testing.T) {
			g := &guard{id: "me", epoch: 7, loose: c.loose}
			r := resp.NewReader(strings.NewReader(c.wire+":99\r\n"), 64)
			err := g.open(r, 2, "LIST")
			refused := (*refusedError)(nil)
			switch {
			case c.opened:
				require.NoError(t, err)
				for _, want := range []string{"first", "second"} {
					h, err := r.ReadHeader()
					require.NoError(t, err)
					require.Equal(t, want, string(h.Line))
				}
				if c.loose {
					return
				}
				safe, err := g.close(r)
				require.NoError(t, err)
				assert.Equal(t, "0-9", safe.String())
			case c.refused != "":
				require.ErrorAs(t, err, &refused)
				assert.Equal(t, c.refused, refused.command+" "+refused.reply.Code())
			case c.err == errAny: //nolint:errorlint // a mark
				require.Error(t, err)
				assert.NotErrorAs(t, err, &refused)
				return // the connection is of no use any more
			default:
				require.ErrorIs(t, err, c.err)
				if c.err == resp.ErrTooLarge { //nolint:errorlint // the case's own
					return
				}
			}
			// All replies to the request have been read, and none more.
			h, err := r.ReadHeader()
			require.NoError(t, err)
			require.EqualValues(t, 99, h.N)
		})
	}
}

// errAny stands for any error after which the connection is of no use.
var errAny = fmt.Errorf("any error")

// Without MULTI what is safe is so before and after.
func TestGuardLoose(t *testing.T) {
	g := &guard{id: "me", epoch: 7, loose: true}
	require.Equal(t, string(nodesCommand)+"…"+string(nodesCommand), string(g.end(append(g.begin(nil), "…"...))))
	before, after := bulk(ownView("me", "master", 7, "0-9 [3->-b]")), bulk(ownView("me", "master", 7, "0-8 [4->-b]"))
	r := resp.NewReader(strings.NewReader(before+"+listed\r\n"+after), 64)
	require.NoError(t, g.open(r, 1, "LIST"))
	require.NoError(t, r.Skip())
	safe, err := g.close(r)
	require.NoError(t, err)
	assert.Equal(t, "0-2,5-8", safe.String())

	for wire, want := range map[string]error{
		bulk(ownView("me", "master", 8, "0-9")): errEpoch,
		bulk(ownView("me", "slave", 7, "")):     errDemoted,
	} {
		g := &guard{id: "me", epoch: 7, loose: true}
		r := resp.NewReader(strings.NewReader(before+"+listed\r\n"+wire), 64)
		require.NoError(t, g.open(r, 1, "LIST"))
		require.NoError(t, r.Skip())
		_, err := g.close(r)
		require.ErrorIs(t, err, want)
	}
}

func TestGuardRequest(t *testing.T) {
	g := &guard{id: "me"}
	assert.Equal(t, string(multiCommand)+string(nodesCommand)+"…"+string(execCommand), string(g.end(append(g.begin(nil), "…"...))))
}

// FuzzGuard: whatever comes, the guard is opened with a word of the node that was
// meant, or there is an error; a refusal leaves the stream where it should be.
func FuzzGuard(f *testing.F) {
	all := "+OK\r\n" + strings.Repeat(queued, 3)
	nodes := bulk(ownView("me", "master", 7, "0-9 [3->-b]"))
	f.Add([]byte(all+"*3\r\n"+nodes+"+a\r\n+b\r\n"), false)
	f.Add([]byte(nodes+"+a\r\n+b\r\n"+nodes), true)
	f.Add([]byte(noPerm+nodes+"+a\r\n+b\r\n-ERR EXEC without MULTI\r\n"), false)
	f.Add([]byte("+OK\r\n"+queued+noPerm+noPerm+aborted), false)
	f.Add([]byte(all+"-MOVED 5 10.0.0.2:6379\r\n"), false)
	f.Add([]byte(all+"*-1\r\n"), false)
	f.Add([]byte(noPerm+"+a\r\n+b\r\n"+noPerm), true)
	f.Fuzz(func(t *testing.T, wire []byte, loose bool) {
		g := &guard{id: "me", epoch: 7, loose: loose}
		r := resp.NewReader(strings.NewReader(string(wire)), 64)
		err := g.open(r, 2, "LIST")
		if err != nil {
			require.Empty(t, g.view, "nothing is safe")
			if refused := (*refusedError)(nil); !loose && strings.HasPrefix(string(wire), "-") && asRefused(err, &refused) {
				require.Equal(t, multiName, refused.command)
			}
			return
		}
		require.NotEmpty(t, g.line)
		if !loose {
			require.Positive(t, r.BytesRead())
		}
		_ = r.Skip()
		_ = r.Skip()
		safe, err := g.close(r)
		if err != nil {
			return
		}
		outside := safe.Minus(g.view.owned)
		require.True(t, outside.Empty(), "an owner lists what it owns")
	})
}

func asRefused(err error, target **refusedError) bool {
	refused, ok := err.(*refusedError) //nolint:errorlint // open returns it as it is
	*target = refused
	return ok
}
