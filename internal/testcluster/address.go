package testcluster

import "context"

// Readdress kills node i's process if it runs and starts it again, with the same node ID, at another port: the others
// learn that from itself. A replica gets its master's keys again; a master comes back without keys. See
// [Cluster.WaitOK] for the cluster's state after it.
func (c *Cluster) Readdress(ctx context.Context, i int) error {
	if err := c.Kill(i); err != nil {
		return err
	}
	old := c.node(i)
	_ = old.client.Close() // of the address that nobody listens on any more
	moved := &Node{
		Index: i, Replica: old.Replica, Master: old.Master, ID: old.ID, Dir: old.Dir, Socket: old.Socket,
		bus: old.bus, log: old.log,
	}
	// launch says by itself that a node without ports gets some.
	err := c.launch(ctx, moved)
	c.mu.Lock()
	defer c.mu.Unlock()
	moved.cut = old.cut
	c.nodes[i] = moved
	return err
}
