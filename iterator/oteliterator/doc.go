// Package oteliterator tells OpenTelemetry of scans: spans and metrics of what package
// iterator tells its observers. It is a module of its own, so that the library
// itself depends on nothing of OpenTelemetry.
//
// [Observer] makes an [iterator.Observer] for one scan, which goes into
// [iterator.Config]. Where nothing is set up (no SDK), it costs little and does
// nothing.
//
// # Spans
//
// A span "redisarrow.scan", from the iterator's constructor to the end, is a child of
// the span in the context that Observer is given. It has events for retries,
// redirects and changes of the topology, of which an SDK keeps some (128 by default).
// Below it is a span "redisarrow.pass" for each pass over a node: mostly one for each
// master. Pages and batches, of which there are thousands, have none.
//
// # Metrics
//
// Counters, by node (server.address, server.port) and by way (redisarrow.way):
//
//	redisarrow.scan.pages      {page}
//	redisarrow.scan.keys       {key}       keys that servers have listed
//	redisarrow.scan.rows       {row}
//	redisarrow.scan.bytes      By          received
//	redisarrow.scan.left_out   {key}       redisarrow.reason is vanished, wrong_type, skipped, duplicate or foreign
//	redisarrow.scan.bad_cells  {cell}      redisarrow.reason is parse_failure or large_value
//
// Other counters:
//
//	redisarrow.scan.retries    {retry}     by node
//	redisarrow.scan.redirects  {redirect}  by node; redisarrow.redirect is moved or ask
//	redisarrow.scan.topologies {topology}  how often the cluster was found changed, its first look included
//	redisarrow.scan.batches    {batch}
//	redisarrow.scan.batch.rows {row}       handed out
//
// Histograms:
//
//	redisarrow.scan.page.duration   s      by node and way: from asking for keys to the last one's row
//	redisarrow.scan.batch.wait      s      how long Next waited for a batch
//	redisarrow.scan.duration        s      whole scans; redisarrow.complete, and error.type after an error
//
// All have db.system.name, and redisarrow.type, which is hash or string. No attribute
// has a value or a key; errors in spans may name a key, as those of the scan do.
package oteliterator
