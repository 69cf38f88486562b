package iterator

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/redisarrow/redisarrow/cluster"
	"github.com/redisarrow/redisarrow/convert"
)

// The defaults of a [Config].
const (
	DefaultBatchSize    = 16_384           // rows
	DefaultBatchBytes   = 32 << 20         // bytes
	DefaultCountHint    = 4000             // keys
	DefaultStallTimeout = 30 * time.Second // without progress

	DefaultMaxLedgerBytes   = 256 << 20 // bytes
	DefaultMaxInFlightBytes = 4 << 20   // bytes

	// farCount is what pages grow to at most where servers are far away.
	farCount = 20_000 // keys
)

const (
	// AllMasters as [Config.Concurrency] scans all masters at once.
	AllMasters = -1

	// MaxBatchBytes is the largest [Config.BatchBytes]: with a value of at
	// most 1 GiB on top, no column's 32-bit offsets can overflow.
	MaxBatchBytes = 1<<30 - 1
)

// Config says which keys are read, and how. The zero value reads all keys of
// the type, with the defaults.
type Config struct {
	// Pattern is a glob, as SCAN's MATCH takes it
	// (https://redis.io/docs/latest/commands/scan/). Empty means all keys. A
	// pattern with a hash tag before any wildcard, such as "{user42}:*", can
	// only match in one slot: only that slot's owner is asked.
	Pattern string

	// Slots are the slots whose keys are read, for a scan that several processes
	// share: [cluster.Partition] and [cluster.EvenPartition] cut the slots for
	// that, and the rows of all parts are those of one scan. Empty, the zero
	// value, means all slots. Slots that aren't in it are none of the scan's
	// business: nobody need own them. With a Pattern for one slot that isn't in it
	// the scan ends at once, without a row. A server that isn't part of a cluster
	// lists all its keys, and those of other slots are left out here; so does
	// [PlainScan] with a node's keys.
	Slots cluster.SlotSet

	// BatchSize is the number of rows of each batch; only the last one may
	// have fewer. 0 means [DefaultBatchSize].
	BatchSize int

	// BatchBytes ends a batch early, with the row that makes its data reach so
	// many bytes; at most [MaxBatchBytes], 0 means [DefaultBatchBytes]. Each
	// worker of the scan holds up to one such batch, the caller another one.
	// A row that is larger is a batch of its own, or ends one.
	BatchBytes int64

	// CountHint is how many keys a server lists for a page, so also for how long
	// it is busy with that: SCAN's COUNT, or the keys of the slots asked for
	// together. 0 means [DefaultCountHint], which takes a server 1 to 3 ms, and where
	// a server is so far away that it would wait for the next question, more, up to
	// 20,000; with fewer, what the server says of itself beside each page (some 0.05
	// ms) weighs more. It is a maximum: a scan's first page has at most 100, and where
	// keys are long enough to make pages of more than 4 MiB, fewer are asked for.
	CountHint int

	// MaxInFlightBytes is about how many bytes a master may be asked for that haven't
	// been read yet; 0 means [DefaultMaxInFlightBytes]. They wait in the server's
	// output buffer, which no default of its configuration bounds, and on the way; here
	// they take no memory. How large values are is known only when they come: it goes
	// by those that have come, and begins with one. With nothing in flight a value is
	// asked for whatever its size. The farther a server is and the faster it answers,
	// the more has to be in flight: 4 MiB are enough for 100 MB/s at 40 ms.
	MaxInFlightBytes int64

	// MaxRows ends the scan after so many rows; 0 means all. Little more than
	// these is read. What a scan of that kind returns is any MaxRows rows.
	MaxRows int64

	// Concurrency is how many masters are scanned at once; 0 means 1, one
	// after the other; [AllMasters] means all.
	Concurrency int

	// MaxKeysPerSecond bounds how many keys are asked for their values in a
	// second, over all masters that are scanned at once; 0 means no limit. Up to
	// a tenth of a second's keys may be asked for at once. Listing keys is bounded
	// by that, since no more than two pages of keys are listed ahead; keys that
	// are listed and not read, of another type, say, don't count. Waiting doesn't
	// count for StallTimeout.
	MaxKeysPerSecond int

	// Duty bounds the share of its time that a master spends on the scan: above 0,
	// up to 1; 0 and 1 mean no limit. With less than 1, a master is asked for one
	// thing at a time, with nothing running ahead, and a small one: at most 32
	// keys to be listed, whatever CountHint says, or 16 to be read. When the answer
	// has taken t, which includes its way over the network, nothing is asked for
	// until t/Duty has passed from the question on; what a timer is late is made
	// up for, within 4 ms. So other clients of a master wait for the scan's
	// requests seldom, and not long, and the scan takes several times as long as
	// 1/Duty. CLUSTER NODES, by which the masters are asked twice a second who owns
	// what, isn't counted. By [KeysInSlot] a slot is still listed in one go, and a
	// large value is still read in one go. Waiting doesn't count for StallTimeout.
	Duty float64

	// HashCommand fixes the command that reads a hash. By default the number
	// of fields in the schema decides, and where they are many, the hash's own.
	HashCommand HashCommand

	// StringCommand fixes the command that reads strings. By default the strings
	// of a slot are read together.
	StringCommand StringCommand

	// OnParseError says what to do with text that doesn't fit its column:
	// [convert.Fail] (the default) ends the scan with a [*CellError],
	// [convert.Null] makes the cell null, [convert.SkipRow] leaves the row
	// out; the last two are counted in [Stats]. A key that doesn't fit its
	// column, which can't be null, leaves the row out under Null too.
	OnParseError convert.Policy

	// MaxValueBytes bounds the strings and the hash fields that are read, in bytes; 0,
	// the zero value, means no bound. OnLargeValue says what becomes of larger ones.
	// A string is asked for its size first (STRLEN), and not for its value if it is
	// larger: one question more a key, and no MGET. A field's value is thrown away while
	// it comes. A hash of many fields needs no bound: of one that has more
	// than 512, and four times as many as the schema, HMGET reads the wanted ones,
	// unless HashCommand is HGETALL.
	MaxValueBytes int64

	// OnLargeValue says what to do with a value larger than MaxValueBytes:
	// [convert.Fail] (the default) ends the scan with a [*LargeValueError],
	// [convert.Null] makes the cell null, [convert.SkipRow] leaves the row out; the
	// last two are counted in [Stats].
	OnLargeValue convert.Policy

	// RedactValues leaves values out of errors: a [*CellError] has the key, the
	// column and the reason, and no Value. Keys are named all the same, also the
	// one that doesn't fit a utf8 column. Nothing else that this package
	// returns or logs holds a value in any case.
	RedactValues bool

	// StallTimeout is how long the scan may go without coming on, while slots
	// have no owner, servers fail or are silent, or slots move faster than they
	// can be read: no row, and no slot done. Then it ends with an
	// [*IncompleteError]. 0 means [DefaultStallTimeout]; a failover takes some
	// seconds more than the servers' cluster-node-timeout (15 s by default). It
	// doesn't count the time that batches wait for their reader.
	StallTimeout time.Duration

	// Enumerate fixes how the keys of a cluster are enumerated. By default each
	// node is enumerated in the best way that its server has and the user may
	// use; [NodeStats] says in which. A way that a server hasn't got, or that
	// the user may not use, ends the scan with a [*NodeError]. Slots with an open
	// migration are read in another way where this one can't.
	Enumerate Enumeration

	// MaxLedgerBytes bounds the memory for the keys that have to be remembered so
	// that none has two rows; 0 means [DefaultMaxLedgerBytes]. A key takes 10 to
	// 12 bytes from when it is listed until its slot is done: mostly that is half
	// a second's keys. With [PlainScan], all keys of a node are remembered
	// together. A scan that would take more ends with an error that wraps
	// [ErrLedger].
	MaxLedgerBytes int64

	// ReadFrom says which nodes the keys are read from: [ReadMaster] (the default),
	// [ReadReplica], or [PreferReplica], which turns to the master where no replica
	// keeps up with it. What is promised is the same: a replica is read only when it
	// has caught up with its master, from a link that stays up, and the master is asked
	// before and after; a key's row is at most as old as the replica is behind. The
	// user needs READONLY, and INFO in MULTI. Slots with an open migration are read
	// from the masters in any case; while slots are moved away from a master,
	// its other slots may have to be read again, and PreferReplica goes over to the
	// master. Only for clusters.
	ReadFrom ReadFrom

	// Strict refuses slots whose migration stays open, after a resharding that
	// was broken off, say: they end the scan with an [*IncompleteError]. By
	// default they are read at both ends. Every key that follows the servers'
	// protocol is found there; what breaks the protocol is CLUSTER SETSLOT NODE
	// given for a slot that is still moving, there and back, within moments.
	Strict bool

	// AllowIncomplete goes on with a cluster of which slots are missing, and ends
	// without an error: [BatchReader.Missing] says what was left out. By default
	// slots that nobody owns end the scan before its first row.
	AllowIncomplete bool

	// Checkpoints lets [BatchReader.Checkpoint] say at any time where the scan
	// stands. It costs some 45 ns a row, and 8 bytes for each key that has been
	// handed out, until its slot is through.
	Checkpoints bool

	// Resume goes on where [BatchReader.Checkpoint] was called: its bytes, of this
	// or of an earlier process. Pattern, schema, OnParseError, MaxValueBytes,
	// OnLargeValue, Slots and the cluster must be the same; nodes may have come and
	// gone, slots moved, and all other settings changed. MaxRows counts the rows of all processes, and an index column goes
	// on where it stopped. Bytes that can't be used are an error that wraps
	// [ErrCheckpoint]. nil begins from the beginning.
	Resume []byte

	// Allocator is where the batches' memory comes from; nil means
	// [memory.DefaultAllocator].
	Allocator memory.Allocator

	// Logger is told of what goes wrong and is mended; nil means silence. At level
	// Warn: a pass over a node has ended early, and its slots are read again; MULTI
	// can't be used. At Info: another command can't be. At Debug: what is read
	// where, what is asked again, which masters couldn't be asked about the cluster.
	// Records have the node's address as "node", and an error as "reason", which may
	// name a key; none holds a value or a password.
	Logger *slog.Logger

	// Observer is told what the scan does, event by event: pages, batches, retries,
	// redirects, changes of the topology; nil means nobody is. It is for one scan at
	// a time, unless its functions needn't tell them apart.
	Observer *Observer
}

// HashCommand is a way to read a hash.
type HashCommand int

const (
	// AutoHashCommand reads with HMGET if the schema has at most 12 fields,
	// otherwise with HGETALL, but for hashes that are large by HLEN, which it asks
	// first: with more than 512 fields, and four times as many as the schema, HMGET.
	// Where the user may not use HLEN, it reads all with HGETALL.
	AutoHashCommand HashCommand = iota
	// HMGET asks for the schema's fields only. It is right for few fields, and
	// for hashes that are much larger than the schema.
	HMGET
	// HGETALL reads whole hashes. It is right if the schema takes most of
	// them.
	HGETALL
)

// StringCommand is a way to read strings.
type StringCommand int

const (
	// AutoStringCommand reads with MGET what can be read so: neighbours of the
	// same slot, up to 100 of them, if no column needs a command of its own
	// about each key (TTL, ExpiresAt). Anything else, and all where the user may
	// not use MGET, it reads with GET.
	AutoStringCommand StringCommand = iota
	// GET reads each string alone.
	GET
)

// autoMaxFields is where AutoHashCommand changes over. A small hash is a
// list that the server walks once for each field of HMGET, so with 16 of 16
// fields HMGET costs the server a quarter more, with 50 of 50 twice as much;
// up to 10 of 10 there is no difference, and HMGET wins where a hash has more
// fields than the schema (bench -fields N -take M -hash-command …).
const autoMaxFields = 12

// ErrConfig is wrapped by the errors of [Config.Validate].
var ErrConfig = errors.New("iterator: bad config")

// Validate reports the first setting that can't be used.
func (c Config) Validate() error {
	switch {
	case c.BatchSize < 0:
		return fmt.Errorf("%w: BatchSize is %d; it must be positive, or 0 for %d", ErrConfig, c.BatchSize, DefaultBatchSize)
	case c.BatchSize > maxBatchSize:
		return fmt.Errorf("%w: BatchSize is %d; it must be at most %d", ErrConfig, c.BatchSize, maxBatchSize)
	case c.BatchBytes < 0 || c.BatchBytes > MaxBatchBytes:
		return fmt.Errorf("%w: BatchBytes is %d; it must be from 1 to %d, or 0 for %d", ErrConfig, c.BatchBytes, MaxBatchBytes, DefaultBatchBytes)
	case c.CountHint < 0:
		return fmt.Errorf("%w: CountHint is %d; it must be positive, or 0 for %d", ErrConfig, c.CountHint, DefaultCountHint)
	case c.MaxRows < 0:
		return fmt.Errorf("%w: MaxRows is %d; it must be positive, or 0 for all rows", ErrConfig, c.MaxRows)
	case c.Concurrency < AllMasters:
		return fmt.Errorf("%w: Concurrency is %d; it must be positive, 0 for one master at a time, or AllMasters", ErrConfig, c.Concurrency)
	case c.MaxKeysPerSecond < 0:
		return fmt.Errorf("%w: MaxKeysPerSecond is %d; it must be positive, or 0 for no limit", ErrConfig, c.MaxKeysPerSecond)
	case !(c.Duty >= 0 && c.Duty <= 1): // NaN is neither
		return fmt.Errorf("%w: Duty is %v; it must be above 0 and at most 1, or 0 for no limit", ErrConfig, c.Duty)
	case c.HashCommand < AutoHashCommand || c.HashCommand > HGETALL:
		return fmt.Errorf("%w: HashCommand is %d, which is none of the known ones", ErrConfig, c.HashCommand)
	case c.StringCommand < AutoStringCommand || c.StringCommand > GET:
		return fmt.Errorf("%w: StringCommand is %d, which is none of the known ones", ErrConfig, c.StringCommand)
	case c.OnParseError < convert.Fail || c.OnParseError > convert.SkipRow:
		return fmt.Errorf("%w: OnParseError is %d, which is none of the known policies", ErrConfig, c.OnParseError)
	case c.MaxValueBytes < 0:
		return fmt.Errorf("%w: MaxValueBytes is %d; it must be positive, or 0 for no bound", ErrConfig, c.MaxValueBytes)
	case c.OnLargeValue < convert.Fail || c.OnLargeValue > convert.SkipRow:
		return fmt.Errorf("%w: OnLargeValue is %d, which is none of the known policies", ErrConfig, c.OnLargeValue)
	case c.Enumerate < AutoEnumerate || c.Enumerate > PlainScan:
		return fmt.Errorf("%w: Enumerate is %d, which is none of the known ways", ErrConfig, c.Enumerate)
	case c.ReadFrom < ReadMaster || c.ReadFrom > PreferReplica:
		return fmt.Errorf("%w: ReadFrom is %d, which is none of the known ones", ErrConfig, c.ReadFrom)
	case c.ReadFrom != ReadMaster && c.Enumerate == ClusterScan:
		return fmt.Errorf("%w: Enumerate is ClusterScan, which only masters answer, and ReadFrom is %v", ErrConfig, c.ReadFrom)
	case c.MaxInFlightBytes < 0:
		return fmt.Errorf("%w: MaxInFlightBytes is %d; it must be positive, or 0 for %d", ErrConfig, c.MaxInFlightBytes, DefaultMaxInFlightBytes)
	case c.MaxLedgerBytes < 0:
		return fmt.Errorf("%w: MaxLedgerBytes is %d; it must be positive, or 0 for %d", ErrConfig, c.MaxLedgerBytes, DefaultMaxLedgerBytes)
	case c.StallTimeout < 0:
		return fmt.Errorf("%w: StallTimeout is %v; it must be positive, or 0 for %v", ErrConfig, c.StallTimeout, DefaultStallTimeout)
	default:
		return nil
	}
}

const maxBatchSize = 1 << 30

// withDefaults fills in what is left open.
func (c Config) withDefaults() Config {
	set(&c.Slots, cluster.AllSlots())
	set(&c.BatchSize, DefaultBatchSize)
	set(&c.BatchBytes, DefaultBatchBytes)
	set(&c.CountHint, DefaultCountHint)
	set(&c.Concurrency, 1)
	set(&c.StallTimeout, DefaultStallTimeout)
	set(&c.MaxLedgerBytes, DefaultMaxLedgerBytes)
	set(&c.MaxInFlightBytes, DefaultMaxInFlightBytes)
	if c.Allocator == nil {
		c.Allocator = memory.DefaultAllocator
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c
}

func set[T comparable](v *T, fallback T) {
	var zero T
	if *v == zero {
		*v = fallback
	}
}
