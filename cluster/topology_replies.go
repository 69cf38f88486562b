package cluster

import (
	"fmt"

	"github.com/redisarrow/redisarrow/internal/resp"
)

// parseSlots reads the reply to CLUSTER SLOTS: an array of [first, last,
// master, replica…], a node being [endpoint, port, id, [name, value…]].
func parseSlots(v resp.Value, from string) ([]Master, error) {
	if v.Kind != resp.Array {
		return nil, malformed("CLUSTER SLOTS")
	}
	var masters masterList
	for _, entry := range v.Elems {
		e := entry.Elems
		if len(e) < 2 {
			return nil, malformed("CLUSTER SLOTS")
		}
		r, ok := slotRange(e[0], e[1])
		if !ok {
			return nil, malformed("CLUSTER SLOTS")
		}
		if len(e) == 2 {
			continue // slots without a node
		}
		id, addr, ok := slotsNode(e[2], from)
		if !ok {
			return nil, malformed("CLUSTER SLOTS")
		}
		m := masters.at(id, addr)
		m.Slots.AddRange(r)
		for _, replica := range e[3:] {
			id, addr, ok := slotsNode(replica, from)
			if !ok {
				return nil, malformed("CLUSTER SLOTS")
			}
			m.addReplica(id, addr)
		}
	}
	return masters, nil
}

func slotsNode(v resp.Value, from string) (id, addr string, ok bool) {
	e := v.Elems
	if len(e) < 2 || e[1].Kind != resp.Integer {
		return "", "", false
	}
	if len(e) > 2 {
		id = e[2].Text
	}
	var ip string
	if len(e) > 3 {
		ip = pairs(e[3])["ip"].Text
	}
	return id, announced(e[0].Text, ip, e[1].Int, from), true
}

// parseShards reads the reply to CLUSTER SHARDS: an array of maps, as flat
// arrays of names and values, with "slots" and "nodes". secure says that the
// connections use TLS, so the nodes' TLS ports count.
func parseShards(v resp.Value, from string, secure bool) ([]Master, error) {
	if v.Kind != resp.Array {
		return nil, malformed("CLUSTER SHARDS")
	}
	var masters []Master
	for _, shard := range v.Elems {
		fields := pairs(shard)
		m := Master{}
		numbers := fields["slots"].Elems
		if len(numbers)%2 != 0 || fields["slots"].Kind != resp.Array || fields["nodes"].Kind != resp.Array {
			return nil, malformed("CLUSTER SHARDS")
		}
		for i := 0; i < len(numbers); i += 2 {
			r, ok := slotRange(numbers[i], numbers[i+1])
			if !ok {
				return nil, malformed("CLUSTER SHARDS")
			}
			m.Slots.AddRange(r)
		}
		online := false
		for _, node := range fields["nodes"].Elems {
			n := pairs(node)
			addr := shardsNode(n, from, secure)
			up := n["health"].Text != "fail"
			switch role := n["role"].Text; {
			case role != "master":
				if up {
					m.addReplica(n["id"].Text, addr)
				}
			case m.Addr == "" || up && !online: // a deposed master may still be listed
				m.ID, m.Addr, online = n["id"].Text, addr, up
			}
		}
		masters = append(masters, m)
	}
	return masters, nil
}

func shardsNode(n map[string]resp.Value, from string, secure bool) string {
	port := n["port"]
	if p := n["tls-port"]; p.Kind == resp.Integer && p.Int > 0 && (secure || port.Int == 0) {
		port = p
	}
	ip := n["ip"].Text
	endpoint, named := n["endpoint"]
	if !named {
		return announced(ip, "", port.Int, from)
	}
	return announced(endpoint.Text, ip, port.Int, from)
}

// announced is the address of a node's preferred endpoint, "" if it has no
// port. A null endpoint comes as "". "?" means that the cluster prefers host
// names and this node has none, but it may still tell its IP.
func announced(endpoint, ip string, port int64, from string) string {
	if port <= 0 || port > 65535 {
		return ""
	}
	if endpoint == "?" && ip != "" {
		endpoint = ip
	}
	return resolve(endpoint, int(port), from)
}

// viewMasters are the masters in a node's view. Over TLS host names count, as
// certificates are for them.
func viewMasters(v *View, from string, secure bool) []Master {
	nodes := append([]ViewNode{v.Self}, v.Others...)
	var masters []Master
	for i := range nodes {
		n := &nodes[i]
		if !n.Master() {
			continue
		}
		m := Master{ID: n.ID, Addr: n.Addr(from, secure), Slots: n.Slots}
		for k := range nodes {
			if r := &nodes[k]; r.MasterID == n.ID && !r.Failed() {
				m.addReplica(r.ID, r.Addr(from, secure))
			}
		}
		masters = append(masters, m)
	}
	return masters
}

// pairs reads a flat array of names and values. What isn't one is empty.
func pairs(v resp.Value) map[string]resp.Value {
	m := make(map[string]resp.Value, len(v.Elems)/2)
	for i := 0; i+1 < len(v.Elems); i += 2 {
		m[v.Elems[i].Text] = v.Elems[i+1]
	}
	return m
}

func slotRange(first, last resp.Value) (SlotRange, bool) {
	if first.Kind != resp.Integer || last.Kind != resp.Integer ||
		first.Int < 0 || first.Int > last.Int || last.Int >= Slots {
		return SlotRange{}, false
	}
	return SlotRange{First: uint16(first.Int), Last: uint16(last.Int)}, true
}

func malformed(command string) error {
	return fmt.Errorf("cluster: the reply to %s is malformed", command)
}
