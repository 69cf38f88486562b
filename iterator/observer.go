package iterator

import (
	"time"

	"github.com/redisarrow/redisarrow/cluster"
	"github.com/redisarrow/redisarrow/internal/scan"
)

// Observer is told what a scan does, see [Config.Observer]: a struct of functions,
// each of which may be nil, so that one takes those that it needs, and those that
// will be added later break nobody.
//
// Begin comes first and End last, once each; Batch is called by Next. All others are
// called from the scan's goroutines, several of them at the same time, so they have
// to be safe for that. They hold up the scan: what takes long belongs elsewhere. A
// panic in one is not caught. None may use the [BatchReader], but for its Stats.
//
// Events have addresses, counts and times. They hold no value and, but for what
// errors say, no key. There is none for a single key, except for its Redirect or
// Retry: what is counted costs a scan that isn't observed nothing.
type Observer struct {
	// Begin is called by the constructor when it has found the Config and the
	// schema right, before it asks for anything.
	Begin func(BeginEvent)

	// Topology is told how the cluster stands: in the constructor, and whenever that
	// has changed, which is asked about twice a second while keys are read.
	Topology func(TopologyEvent)

	// Page is told of each page of keys that is through: some thousand keys, see
	// [Config.CountHint].
	Page func(PageEvent)

	// Pass is told when a pass over a node has ended: mostly there is one for each
	// master, and more where something failed or has moved.
	Pass func(PassEvent)

	// Retry is told of each command that is asked again and each connection that is
	// made anew: as often as Stats().Retries says.
	Retry func(RetryEvent)

	// Redirect is told of each MOVED or ASK reply that is followed: as often as
	// Stats().Redirects says.
	Redirect func(RedirectEvent)

	// Batch is told of each batch that Next hands out.
	Batch func(BatchEvent)

	// End is told how the scan ended, when its goroutines have: by the constructor if
	// that fails; by Next when it returns false, which with an Observer waits for
	// them; otherwise by the last Release. After it nothing is called any more.
	End func(EndEvent)
}

// PageEvent says that a page of keys is through: they were listed by a node, and
// each has its row, or has none.
type PageEvent = scan.PageEvent

// PassEvent says that a pass over a node has ended: it has read some slots there,
// or was to.
type PassEvent = scan.PassEvent

// RetryEvent says that a command is asked again, or a connection made anew.
type RetryEvent = scan.RetryEvent

// RedirectEvent says that a MOVED or ASK reply is followed.
type RedirectEvent = scan.RedirectEvent

// TopologyEvent says how the cluster stands: who owns which slots.
type TopologyEvent = scan.TopologyEvent

// MasterState is a master in a [TopologyEvent].
type MasterState = scan.MasterState

// BeginEvent says that a scan begins.
type BeginEvent struct {
	Time    time.Time       // when the constructor was called
	Type    string          // "hash" or "string"
	Slots   cluster.SlotSet // whose keys are to be read, by [Config.Slots]
	Resumed bool            // it goes on from a checkpoint
}

// BatchEvent says that Next hands out a batch.
type BatchEvent struct {
	Rows   int64         // of the batch
	Bytes  int64         // of its data, as [Config.BatchBytes] counts them
	Begin  time.Time     // when Next was called
	Waited time.Duration // for the batch: little, if the reader is slower than the scan
}

// EndEvent says how a scan ended.
type EndEvent struct {
	Begin    time.Time     // when the constructor was called
	Duration time.Duration // since then
	Stats    Stats         // the last ones; zero where the constructor failed
	// Complete says that all rows have been handed out: not so after an error, after
	// a Release before the end, or where slots were left out.
	Complete bool
	Missing  *IncompleteError // the slots left out with [Config.AllowIncomplete]; nil if none
	Err      error            // the constructor's, or what Err of the reader says
}

// observation is what a reader keeps for its observer.
type observation struct {
	Observer
	begun time.Time
	ended bool
}

// observe begins to tell c's observer of a scan.
func observe(c *Config, k kind) observation {
	if c.Observer == nil {
		return observation{ended: true}
	}
	o := observation{Observer: *c.Observer, begun: time.Now()}
	if o.Begin != nil {
		o.Begin(BeginEvent{Time: o.begun, Type: k.Type(), Slots: c.Slots, Resumed: c.Resume != nil})
	}
	return o
}

// ofScan are the functions that the scan itself calls.
func (o *observation) ofScan() scan.Observer {
	return scan.Observer{Page: o.Page, Pass: o.Pass, Retry: o.Retry, Redirect: o.Redirect, Topology: o.Topology}
}

// asked is when Next was called, if that is to be told.
func (o *observation) asked() (now time.Time) {
	if o.Batch != nil {
		now = time.Now()
	}
	return now
}

// handed tells of a batch that was asked for at a time.
func (o *observation) handed(b *block, asked time.Time) {
	if o.Batch != nil {
		o.Batch(BatchEvent{Rows: int64(b.rows), Bytes: b.bytes, Begin: asked, Waited: time.Since(asked)})
	}
}

// conclude tells the observer of the end, once. whole says that Next has come to
// the regular end.
func (r *BatchReader) conclude(whole bool, err error) {
	o := &r.observed
	if o.ended {
		return
	}
	o.ended = true
	if r.done != nil {
		<-r.done
	}
	if o.End == nil {
		return
	}
	e := EndEvent{Begin: o.begun, Duration: time.Since(o.begun), Missing: r.Missing(), Err: err}
	if r.scan != nil {
		e.Stats = r.Stats()
	}
	e.Complete = whole && e.Missing == nil
	o.End(e)
}
