package iterator

import (
	"context"
	"fmt"
	"iter"
	"sync/atomic"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/redis/go-redis/v9"
	"github.com/redisarrow/redisarrow/cluster"
	"github.com/redisarrow/redisarrow/internal/scan"
)

// kind is a Redis type: what the scan asks about a key, and who reads the
// answers.
type kind interface {
	scan.Kind
	newReader() valueReader
	// commands are the names of what keys are asked, but for the few of which the
	// first answers leave something open.
	commands() []string
}

// BatchReader is what both iterators are: an [array.RecordReader] over a
// scan. One goroutine may use it at a time; [BatchReader.Stats] may be called
// from any.
//
// Next makes the next batch, and false means the end or an error: ask Err.
// After an error, Next stays false and Err stays the same. The rows that were
// read before an error come out first.
type BatchReader struct {
	layout *layout
	kind   kind
	config Config
	scan   *scan.Scan
	refs   atomic.Int64

	caller context.Context // what the constructor was given
	ctx    context.Context // ends with the caller's, and with Release
	cancel context.CancelFunc

	builders []*builder
	blocks   chan block    // full batches
	done     chan struct{} // closed when the scan has ended; nil before it starts
	scanErr  error         // how it ended; valid once done is closed
	rest     remainder     // what was left in the builders; likewise

	terms    terms
	account  *account // of what has been handed out; nil if no checkpoints are taken
	observed observation

	batch arrow.RecordBatch
	row   uint64 // rows handed out: the next index
	ended bool
	err   error
}

var _ array.RecordReader = (*BatchReader)(nil)

func open(ctx context.Context, rdb redis.UniversalClient, l *layout, k kind, config Config) (_ *BatchReader, err error) {
	if err := config.Validate(); err != nil {
		return nil, err
	}
	far := farCount
	if config.CountHint > 0 {
		far = config.CountHint
	}
	config = config.withDefaults()
	r := &BatchReader{layout: l, kind: k, config: config, caller: ctx, blocks: make(chan block), terms: newTerms(k, l, &config)}
	r.observed = observe(&config, k)
	defer func() {
		if err != nil {
			r.conclude(false, err)
		}
	}()
	from, err := r.prepare()
	if err != nil {
		return nil, err
	}
	dialer, err := cluster.NewDialer(rdb)
	if err != nil {
		return nil, err
	}
	options := scan.Config{
		Kind:    k,
		Pattern: config.Pattern,
		Slots:   config.Slots,
		MaxRows: r.config.MaxRows,
		Stall:   config.StallTimeout,
		Logger:  config.Logger,

		Observer: r.observed.ofScan(),

		Count:         config.CountHint,
		FarCount:      far,
		InFlightBytes: config.MaxInFlightBytes,
		KeysPerSecond: config.MaxKeysPerSecond,
		Duty:          config.Duty,

		Enumerate:       config.Enumerate,
		LedgerBytes:     config.MaxLedgerBytes,
		ReadFrom:        config.ReadFrom,
		Strict:          config.Strict,
		AllowIncomplete: config.AllowIncomplete,
	}
	if from != nil {
		options.Resume = &scan.Resume{Seed: from.Seed, Done: from.Done, Known: from.keys}
	}
	if r.account != nil {
		options.Done = r.account.finished
	}
	s, err := scan.Open(ctx, dialer, options)
	if err != nil {
		return nil, err
	}
	if from != nil {
		if err := from.checkNodes(s.NodeIDs()); err != nil {
			return nil, err
		}
	}
	r.scan = s
	l.schema = describe(l.schema, r.terms, dialer.Seeds(), s.NodeIDs(), time.Now())
	workers := s.Masters()
	if config.Concurrency != AllMasters {
		workers = min(workers, config.Concurrency)
	}
	for range workers {
		b, err := newBuilder(l, &r.config, k.newReader(), r.deliver)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrSchema, err) // no column holds memory yet
		}
		if r.account != nil {
			b.marks = r.account.builder(s)
		}
		r.builders = append(r.builders, b)
	}
	r.refs.Store(1)
	r.ctx, r.cancel = context.WithCancel(ctx)
	return r, nil
}

// prepare sees to checkpoints: what was handed out before, and what is to be
// remembered. The result is nil for a scan from the beginning.
func (r *BatchReader) prepare() (from *checkpoint, err error) {
	if r.config.Checkpoints {
		r.account = newAccount()
	}
	if r.config.Resume == nil {
		return nil, nil
	}
	if from, err = parseCheckpoint(r.config.Resume); err != nil {
		return nil, err
	}
	if err := from.check(r.terms); err != nil {
		return nil, err
	}
	r.config.Resume = nil // it may be large
	r.row = from.Rows
	if r.account != nil {
		r.account.resume(from)
	}
	if most := r.config.MaxRows; most > 0 {
		r.config.MaxRows = most - int64(min(from.Rows, uint64(most)))
		r.ended = r.config.MaxRows == 0
	}
	return from, nil
}

// deliver hands a batch from a worker to Next.
func (r *BatchReader) deliver(b block) error {
	select {
	case r.blocks <- b:
		return nil
	case <-r.ctx.Done():
		b.release()
		return r.ctx.Err()
	}
}

// run scans to the end.
func (r *BatchReader) run() {
	defer close(r.done)
	decoders := make([]scan.Decoder, len(r.builders))
	for i, b := range r.builders {
		decoders[i] = b
	}
	r.scanErr = r.scan.Run(r.ctx, decoders)
	for _, b := range r.builders {
		if b.rows > 0 && r.ctx.Err() == nil {
			r.rest.add(b.take())
		}
		b.release()
	}
}

// Next reads the next batch and reports whether there is one. The last batch
// is void then.
func (r *BatchReader) Next() bool {
	r.drop()
	if r.ended {
		return false
	}
	if r.caller.Err() != nil {
		return r.end(r.caller.Err())
	}
	if r.done == nil {
		r.done = make(chan struct{})
		go r.run()
	}
	asked := r.observed.asked()
	select {
	case b := <-r.blocks:
		r.hand(b)
		r.observed.handed(&b, asked)
		return true
	case <-r.caller.Done():
		return r.end(r.caller.Err())
	case <-r.done:
	}
	if r.caller.Err() != nil {
		return r.end(r.caller.Err())
	}
	b, ok, err := r.rest.next(&r.config)
	switch {
	case err != nil:
		return r.end(err)
	case ok:
		r.hand(b)
		r.observed.handed(&b, asked)
		return true
	default:
		return r.end(r.scanErr)
	}
}

// hand makes a block the current batch.
func (r *BatchReader) hand(b block) {
	defer b.release()
	if i := r.layout.index; i >= 0 {
		b.arrays[i] = r.indexArray(b.rows)
	}
	r.row += uint64(b.rows)
	if r.account != nil {
		r.account.handed(&b)
	}
	r.batch = array.NewRecordBatch(r.layout.schema, b.arrays, int64(b.rows))
}

func (r *BatchReader) indexArray(rows int) arrow.Array {
	index := array.NewUint64Builder(r.config.Allocator)
	defer index.Release()
	index.Reserve(rows)
	for i := range uint64(rows) {
		index.UnsafeAppend(r.row + i)
	}
	return index.NewArray()
}

// end ends the stream; the scan's goroutines end too, if they haven't.
func (r *BatchReader) end(err error) bool {
	r.ended, r.err = true, err
	r.cancel()
	r.conclude(err == nil, err)
	return false
}

func (r *BatchReader) drop() {
	if r.batch != nil {
		r.batch.Release()
		r.batch = nil
	}
}

// RecordBatch is the batch that Next has read: valid until the next Next or
// the last Release; call Retain on it to keep it longer. nil before the first
// Next and after the last.
func (r *BatchReader) RecordBatch() arrow.RecordBatch { return r.batch }

// Record is RecordBatch under its old name.
//
// Deprecated: [array.RecordReader] still asks for it.
func (r *BatchReader) Record() arrow.RecordBatch { return r.batch }

// Err is what ended the stream, nil at its regular end and before: an
// [*IncompleteError], a [*CellError], a [*NodeError], or the context's error.
func (r *BatchReader) Err() error { return r.err }

// Schema is the schema of all batches, known before the first. Its metadata says
// where the rows come from: see [MetadataCluster] and what stands beside it.
func (r *BatchReader) Schema() *arrow.Schema { return r.layout.schema }

// Stats are the counters so far. It may be called at any time, from any
// goroutine, also after Release.
func (r *BatchReader) Stats() Stats { return newStats(r.scan.Stats()) }

// Commands are those by which the keys will be read, in upper case, such as
// "HMGET" and "TTL"; with "HLEN" or "MGET" as the first, key by key which one of the
// next two. Nothing is asked for them: [NodeStats] says what was used.
func (r *BatchReader) Commands() []string { return r.kind.commands() }

// Missing says which slots were left out, and why, with
// [Config.AllowIncomplete]; nil if none was. It may be called when Next has
// returned false.
func (r *BatchReader) Missing() *IncompleteError {
	if !r.ended || r.done == nil {
		return nil
	}
	return r.scan.Missing()
}

// All ranges over the batches that are left. It lends them: each is valid in
// its turn of the loop only, unless retained. An error comes as the last
// pair, with a nil batch. The reader still has to be released.
func (r *BatchReader) All() iter.Seq2[arrow.RecordBatch, error] {
	return func(yield func(arrow.RecordBatch, error) bool) {
		for r.Next() {
			if !yield(r.batch, nil) {
				return
			}
		}
		if r.err != nil {
			yield(nil, r.err)
		}
	}
}

// Retain adds a reference. It may be called from any goroutine.
func (r *BatchReader) Retain() { r.refs.Add(1) }

// Release gives a reference back. The last one ends the scan, if it hasn't
// ended, waits for its goroutines, and frees all memory but what the caller
// has retained. Further calls do nothing. It may be called from any
// goroutine, the last one while nobody uses the reader.
func (r *BatchReader) Release() {
	if r.refs.Add(-1) != 0 {
		return
	}
	r.cancel()
	whole := r.ended && r.err == nil
	r.ended = true
	r.drop()
	if r.done != nil {
		<-r.done
		r.rest.release()
	}
	r.conclude(whole, r.err)
}
