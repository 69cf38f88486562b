// Package cluster is a Redis or Valkey cluster as seen from outside: how to
// connect to it, which node owns which slot, which slot a key is in, and a
// connection to one node.
//
// How its parts meet:
//
//   - [Connect] turns URLs into a go-redis client that is known to work: of a
//     cluster, of a single server, by host and port or by a unix socket, or of the
//     master that Sentinels name. Any *redis.ClusterClient or *redis.Client made
//     elsewhere serves as well, failover clients included.
//   - [NewDialer] takes such a client's options. [Dialer.Dial] has go-redis
//     make a connection to one node (dialer, TLS, credentials, all that the
//     client was told) and hands it over: what is said on it is the caller's.
//   - [Discover] asks over such connections who owns what: a [Topology].
//   - [Check] asks all of that and more, of all nodes, and says in a [Report]
//     whether a scan could keep its promise now.
//   - [ParseView] reads what a node says about itself and the others, open
//     slot migrations included; [ParseServerInfo] tells one server process
//     from the next; [ParseRedirect] reads MOVED and ASK.
//   - [Slot] and [PatternSlot] say where keys are; a [SlotSet] is a set of slots.
//   - [Partition] and [EvenPartition] cut the slots, for several to read a part each.
//
// # Announced addresses
//
// Nodes announce where they and the others are reached, sometimes badly. The
// rules, in topologies, views and redirects alike: an empty, null or "?" host
// means the host of the node that answered, with the port announced; where
// "?" comes with an IP, the IP counts. A loopback address told by a node that
// was itself reached elsewhere means that node's host too. IPv6 addresses come
// without brackets. Over TLS a node's TLS port counts, where it has two.
//
// What Sentinels say follows the rule of loopback addresses.
//
// go-redis's own cluster client follows other rules; with some of these it
// fails, or dials another machine. Its topology isn't used here.
package cluster
