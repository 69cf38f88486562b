package cluster

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// View is one node's own view of the cluster: its answer to CLUSTER NODES.
// Nodes may disagree for a while; what a node says about its own slots is what
// it acts upon.
type View struct {
	Self ViewNode // the node that answered
	// Migrating are the slots that the node is moving away, with the ID of the
	// node they go to ("[7->-id]"). The node still owns them.
	Migrating map[uint16]string
	// Importing are the slots that the node is taking in, with the ID of the
	// node they come from ("[7-<-id]"). The node doesn't own them yet, unless
	// the mark is stale.
	Importing map[uint16]string
	// Others are all other nodes that it knows, also those that have failed.
	Others []ViewNode
}

// ViewNode is a line of CLUSTER NODES: a node as another one, or itself, sees it.
type ViewNode struct {
	ID       string   // 40 hex digits
	Host     string   // as announced: an IP, or "" if it isn't known
	Port     int      // 0 if the address isn't known
	Hostname string   // announced host name, or ""
	Flags    []string // "myself", "master", "slave", "fail?", "fail", "handshake", "noaddr", …
	MasterID string   // of a replica, else ""
	Epoch    uint64   // config epoch
	Linked   bool     // the cluster bus to the node is up
	Slots    SlotSet  // what it owns
}

// Is reports whether the node has a flag.
func (n *ViewNode) Is(flag string) bool { return slices.Contains(n.Flags, flag) }

// Master reports whether the node counts as a master.
func (n *ViewNode) Master() bool { return n.Is("master") }

// Failed reports whether the cluster has agreed that the node is down.
func (n *ViewNode) Failed() bool { return n.Is("fail") }

// Addr is the address to dial, "" if the line has none. from is the address
// at which the node that gave the view was reached; hostnames prefers the
// announced host name to the IP, as certificates usually want it.
func (n *ViewNode) Addr(from string, hostnames bool) string {
	if n.Port == 0 || n.Is("noaddr") {
		return ""
	}
	host := n.Host
	if hostnames && n.Hostname != "" && n.Hostname != "?" {
		host = n.Hostname
	}
	return resolve(host, n.Port, from)
}

// Node is the node with an ID, the view's own included; nil if unknown.
func (v *View) Node(id string) *ViewNode {
	if v.Self.ID == id {
		return &v.Self
	}
	for i := range v.Others {
		if v.Others[i].ID == id {
			return &v.Others[i]
		}
	}
	return nil
}

// ParseView reads the reply to CLUSTER NODES. Flags and fields that it doesn't
// know are kept or left out, so that newer servers can be read; what it does
// know must be well-formed, and exactly one line must be the node's own.
func ParseView(text string) (*View, error) {
	v := &View{Migrating: map[uint16]string{}, Importing: map[uint16]string{}}
	own := 0
	fields := make([]string, 0, 16)
	for line := range strings.Lines(text) {
		fields = slices.AppendSeq(fields[:0], strings.FieldsSeq(line))
		if len(fields) == 0 {
			continue
		}
		node, err := parseViewNode(fields)
		if err != nil {
			return nil, err
		}
		mine := node.Is("myself")
		for _, part := range fields[min(8, len(fields)):] {
			if err := v.addSlots(&node, mine, part); err != nil {
				return nil, err
			}
		}
		if !mine {
			v.Others = append(v.Others, node)
			continue
		}
		v.Self = node
		own++
	}
	if own != 1 {
		return nil, fmt.Errorf("cluster: CLUSTER NODES has %d lines marked myself instead of one", own)
	}
	return v, nil
}

// parseViewNode reads the fields before the slots: id, address, flags, master,
// ping-sent, pong-received, config-epoch, link-state.
func parseViewNode(fields []string) (ViewNode, error) {
	if len(fields) < 8 {
		return ViewNode{}, fmt.Errorf("cluster: a line of CLUSTER NODES has %d fields instead of 8 or more", len(fields))
	}
	n := ViewNode{ID: fields[0], Flags: strings.Split(fields[2], ","), Linked: fields[7] == "connected"}
	if fields[3] != "-" {
		n.MasterID = fields[3]
	}
	var err error
	if n.Epoch, err = strconv.ParseUint(fields[6], 10, 64); err != nil {
		return ViewNode{}, fmt.Errorf("cluster: config epoch %q of node %s is not a number", fields[6], n.ID)
	}
	if err := n.parseAddr(fields[1]); err != nil {
		return ViewNode{}, err
	}
	return n, nil
}

// parseAddr reads ip:port@cport,hostname,aux=value,… where all after the port
// may be missing.
func (n *ViewNode) parseAddr(text string) error {
	addr, extra, _ := strings.Cut(text, ",")
	addr, _, _ = strings.Cut(addr, "@")
	host, port, ok := splitAddr(addr)
	if !ok {
		return fmt.Errorf("cluster: address %q of node %s is not host:port", text, n.ID)
	}
	if host == "?" {
		host = ""
	}
	n.Host, n.Port = host, port
	// The host name stands first, and may be empty; a name has no "=".
	if name, _, _ := strings.Cut(extra, ","); !strings.Contains(name, "=") {
		n.Hostname = name
	}
	return nil
}

// addSlots reads one of the last fields of a line: a slot, a range, or in the
// node's own line an open migration.
func (v *View) addSlots(n *ViewNode, mine bool, text string) error {
	if !strings.HasPrefix(text, "[") {
		r, err := parseRange(text)
		if err != nil {
			return fmt.Errorf("%w (CLUSTER NODES, node %s)", err, n.ID)
		}
		n.Slots.AddRange(r)
		return nil
	}
	inner, closed := strings.CutSuffix(text[1:], "]")
	marks, sign := v.Migrating, "->-"
	if strings.Contains(inner, "-<-") {
		marks, sign = v.Importing, "-<-"
	}
	digits, peer, found := strings.Cut(inner, sign)
	slot, ok := parseSlot(digits)
	if !closed || !found || !ok || peer == "" {
		return fmt.Errorf("cluster: %q is not an open migration (CLUSTER NODES, node %s)", text, n.ID)
	}
	if mine {
		marks[slot] = peer
	}
	return nil
}
