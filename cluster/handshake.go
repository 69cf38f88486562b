package cluster

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/redisarrow/redisarrow/internal/resp"
)

// open dials and lets go-redis do the handshake. It may outlast ctx, by as
// much as the client's dialer and providers do.
//
// The dialing is done here and not inside of go-redis: its pool would log
// every failure to standard error, and dial again behind our back.
func (d *Dialer) open(ctx context.Context, addr string) (net.Conn, error) {
	opt, release, err := d.options(addr)
	if err != nil {
		return nil, &NodeError{Addr: addr, Command: "connect", Err: err}
	}
	defer release()
	d.named.Store(opt.ClientName != "")
	fail := func(err error) (net.Conn, error) {
		if ctx.Err() != nil {
			err = context.Cause(ctx) // what it led to says less
		}
		return nil, &NodeError{Addr: addr, Command: attempt(opt), Err: err}
	}
	conn, err := dialNode(ctx, opt)
	if err != nil {
		return fail(err)
	}
	// go-redis doesn't interrupt a read in flight when the context ends.
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	err = handshake(ctx, opt, conn)
	if interrupted := !stop(); err == nil && interrupted {
		err = context.Cause(ctx)
	}
	if err == nil {
		// The handshake's deadline is still set.
		err = conn.SetDeadline(time.Time{})
	}
	if err != nil {
		_ = conn.Close()
		return fail(err)
	}
	return conn, nil
}

// attempt says what open tries: how, and as whom.
func attempt(opt *redis.Options) string {
	text := "connect"
	switch {
	case opt.CredentialsProviderContext != nil || opt.CredentialsProvider != nil:
		text += " with a credentials provider"
	case opt.Username != "" && opt.Password != "":
		// A user without a password is likely a password in the wrong place.
		text += fmt.Sprintf(" as user %q", opt.Username)
	case opt.Password != "":
		text += " with a password"
	}
	if opt.TLSConfig != nil {
		text += " over TLS"
	}
	return text
}

func dialNode(ctx context.Context, opt *redis.Options) (net.Conn, error) {
	dial := opt.Dialer
	if dial == nil {
		dial = redis.NewDialer(opt)
	}
	if opt.DialTimeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, opt.DialTimeout)
		defer cancel()
	}
	network := opt.Network
	if network == "" {
		network = "tcp"
	}
	conn, err := dial(ctx, network, opt.Addr)
	if err == nil && conn == nil {
		return nil, errors.New("the client's Dialer returned no connection")
	}
	return conn, err
}

// handshake authenticates on conn as a go-redis client with these options
// does, and leaves conn open on success.
func handshake(ctx context.Context, opt *redis.Options, conn net.Conn) error {
	lent := lend(conn)
	taken := false
	opt.Dialer = func(context.Context, string, string) (net.Conn, error) {
		if taken {
			return nil, errors.New("the connection was lost in the handshake")
		}
		taken = true
		return lent, nil
	}
	ready := false
	var hookErr error
	onConnect := opt.OnConnect
	opt.OnConnect = func(ctx context.Context, cn *redis.Conn) error {
		if onConnect != nil {
			if hookErr = onConnect(ctx, cn); hookErr != nil {
				return hookErr
			}
		}
		ready = true // OnConnect is the handshake's last step
		return nil
	}

	client := redis.NewClient(opt)
	err := client.Ping(ctx).Err()
	if ready && answered(err) {
		err = nil
	}
	if err == nil {
		lent.kept.Store(true)
	}
	_ = client.Close()
	if err == nil && lent.replies.Buffered() > 0 {
		err = &resp.ProtocolError{Reason: "more replies than commands"}
	}
	switch {
	case err == nil:
		return nil
	case lent.malformed != nil:
		return lent.malformed // go-redis may take it for something else
	case hookErr != nil:
		return fmt.Errorf("OnConnect: %w", hookErr) // go-redis unwraps it once too often
	case hungUp(err) && lent.refusal() != "":
		// Refused before the first command: go-redis takes the reply for the
		// one to HELLO, goes on, and then meets the closed connection.
		return fmt.Errorf("%s: %w", lent.refusal(), err)
	default:
		return withoutSecrets(err, opt)
	}
}

// answered reports whether the PING after the handshake got a reply, if only
// LOADING, or NOPERM for PING itself: then the connection is good, and the
// command that it is for will be told what concerns it. NOAUTH means that
// authentication was wanted and not done.
func answered(err error) bool {
	var reply redis.Error
	return err == nil || errors.As(err, &reply) && !strings.HasPrefix(reply.Error(), "NOAUTH")
}

// withoutSecrets drops the arguments that servers before version 6, and some
// proxies, repeat when they don't know a command: with AUTH and HELLO these
// hold the password.
func withoutSecrets(err error, opt *redis.Options) error {
	var reply redis.Error
	if !errors.As(err, &reply) {
		return err
	}
	text := reply.Error()
	short, _, echo := strings.Cut(text, ", with args beginning with")
	if !echo && (opt.Password == "" || standardReply(text) || !strings.Contains(text, opt.Password)) {
		return err
	}
	if opt.Password != "" {
		short = strings.ReplaceAll(short, opt.Password, "***")
	}
	return errors.New(short)
}

// standardReply reports whether the text is one of the servers' own, which
// can contain a password only by chance. Blanking it there would tell it.
func standardReply(text string) bool {
	for _, code := range []string{"WRONGPASS ", "NOAUTH ", "NOPERM "} {
		if strings.HasPrefix(text, code) {
			return true
		}
	}
	return false
}

// lentConn is a connection lent to go-redis, which closes what it was given
// along with the client.
//
// What is read from it is checked first: go-redis believes the lengths that a
// server announces, allocates that much, and panics where it can't.
type lentConn struct {
	net.Conn
	kept      atomic.Bool // Close does nothing
	replies   *resp.Reader
	reply     []byte // the last reply; left is the part not read yet
	left      []byte
	malformed error
}

func lend(conn net.Conn) *lentConn {
	return &lentConn{Conn: conn, replies: resp.NewReader(conn, 4<<10)}
}

func (c *lentConn) Close() error {
	if c.kept.Load() {
		return nil
	}
	return c.Conn.Close()
}

// maxHandshakeReply bounds a reply, in bytes of memory. An OnConnect hook may
// ask for something, too.
const maxHandshakeReply = 16 << 20

func (c *lentConn) Read(b []byte) (int, error) {
	if len(c.left) == 0 {
		v, err := c.replies.ReadValueWithin(maxHandshakeReply)
		if protocol := (*resp.ProtocolError)(nil); errors.As(err, &protocol) || errors.Is(err, resp.ErrTooLarge) {
			c.malformed = err
		}
		if err != nil {
			return 0, err
		}
		c.reply = resp.AppendValue(c.reply[:0], v)
		c.left = c.reply
	}
	n := copy(b, c.left)
	c.left = c.left[n:]
	return n, nil
}

// refusal is the reply with which a server turns clients away when they
// connect, or "".
func (c *lentConn) refusal() string {
	text := string(c.reply)
	for _, known := range []string{"-DENIED Redis is running in protected mode", "-ERR max number of clients reached"} {
		if strings.HasPrefix(text, known) {
			return known[1:]
		}
	}
	return ""
}
