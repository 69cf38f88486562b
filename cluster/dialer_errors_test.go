package cluster

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// prompt is how long after its context's end a call may return. 100 ms is
// what is promised; a machine under load is allowed more, and what is tested
// for would take 5 s or never return.
const prompt = time.Second

// acceptance N: what goes wrong at the start, as far as one node is concerned.
func TestDialErrors(t *testing.T) {
	certs := newTestCertificate(t)
	const password = "pa55-w0rd-x"
	withPassword := func(opt redis.Options) redis.Options {
		opt.Username, opt.Password = "app", password
		return opt
	}
	plain := newFakeNode(t, nil)
	plain.user, plain.password = "app", "another"
	open := newFakeNode(t, nil)
	secure := newFakeNode(t, certs.server)
	protected := newFakeNode(t, nil)
	protected.turnAway("-DENIED Redis is running in protected mode because ...\r\n")
	full := newFakeNode(t, nil)
	full.turnAway("-ERR max number of clients reached\r\n")
	hangsUp := newFakeNode(t, nil)
	hangsUp.turnAway("\r\n")
	talkative := newFakeNode(t, nil)
	talkative.replies["HELLO"] = "-ERR unknown command `HELLO`, with args beginning with: `2`, `auth`, `app`, `" + password + "`\r\n"
	talkative.replies["AUTH"] = "-ERR unknown command `AUTH`, with args beginning with: `app`, `" + password + "`\r\n"
	proxy := newFakeNode(t, nil)
	proxy.replies["HELLO"] = "-ERR no such command\r\n"
	proxy.replies["AUTH"] = "-ERR bad password " + password + "\r\n"
	closed := closedAddr(t)

	for _, tc := range []struct {
		name string
		addr string
		opt  redis.Options
		want []string
	}{
		{"wrong password", plain.addr, withPassword(redis.Options{}), []string{"WRONGPASS", `as user "app"`, "wrong user name or password"}},
		{"no password", plain.addr, redis.Options{}, []string{"NOAUTH", "give one"}},
		{"password as user", plain.addr, redis.Options{Username: password}, []string{"NOAUTH", "give one"}},
		{"closed port", closed, withPassword(redis.Options{}), []string{"connection refused", "check host and port"}},
		{"unknown host", "no-such-host.invalid:6379", withPassword(redis.Options{}), []string{"no-such-host.invalid", "can't be resolved"}},
		{"TLS against plain", open.addr, redis.Options{TLSConfig: certs.client}, []string{"over TLS", "doesn't speak TLS"}},
		{"plain against TLS", secure.addr, withPassword(redis.Options{}), []string{"if the port speaks TLS"}},
		{"unknown authority", secure.addr, redis.Options{TLSConfig: &tls.Config{}}, []string{"over TLS", "certificate authority"}},
		{"name not in certificate", secure.addr, redis.Options{TLSConfig: &tls.Config{RootCAs: certs.client.RootCAs, ServerName: "other.test"}}, []string{"set the server name"}},
		{"protected mode", protected.addr, redis.Options{}, []string{"DENIED", "protected mode:"}},
		{"maxclients", full.addr, redis.Options{}, []string{"max number of clients reached", "maxclients"}},
		{"hangs up", hangsUp.addr, redis.Options{}, nil},
		{"server that repeats arguments", talkative.addr, withPassword(redis.Options{}), []string{"unknown command `AUTH`"}},
		{"proxy that repeats the password", proxy.addr, withPassword(redis.Options{}), []string{"bad password ***"}},
		{"OnConnect", open.addr, redis.Options{OnConnect: func(context.Context, *redis.Conn) error {
			return errors.Join(errors.New("hook said no"), io.ErrClosedPipe)
		}}, []string{"OnConnect: hook said no"}},
		{"no such database", open.addr, redis.Options{DB: 99}, []string{"DB index is out of range"}},
		{"provider fails", open.addr, redis.Options{CredentialsProviderContext: func(context.Context) (string, string, error) {
			return "", "", errors.New("vault is sealed")
		}}, []string{"credentials provider", "vault is sealed"}},
		{"streaming provider fails", open.addr, redis.Options{StreamingCredentialsProvider: &rotating{err: errors.New("vault is sealed")}}, []string{"credentials provider", "vault is sealed"}},
		{"dialer returns nothing", open.addr, redis.Options{Dialer: func(context.Context, string, string) (net.Conn, error) {
			return nil, nil
		}}, []string{"Dialer"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			open.replies["SELECT 99"] = "-ERR DB index is out of range\r\n"
			tc.opt.Addr = tc.addr
			d := dialerOf(t, redis.NewClient(&tc.opt))
			silent(t, func() {
				conn, err := d.Dial(t.Context(), tc.addr)
				require.Error(t, err)
				assert.Nil(t, conn)
				var node *NodeError
				require.ErrorAs(t, err, &node)
				assert.Equal(t, tc.addr, node.Addr)
				assert.Contains(t, err.Error(), tc.addr)
				for _, part := range tc.want {
					assert.Contains(t, err.Error(), part)
				}
				assertNoSecret(t, err, password)
			})
		})
	}
}

// assertNoSecret looks at an error and everything that it wraps.
func assertNoSecret(t *testing.T, err error, secret string) {
	t.Helper()
	if err == nil {
		return
	}
	assert.NotContains(t, err.Error(), secret)
	switch e := err.(type) { //nolint:errorlint // a walk through the tree
	case interface{ Unwrap() error }:
		assertNoSecret(t, e.Unwrap(), secret)
	case interface{ Unwrap() []error }:
		for _, sub := range e.Unwrap() {
			assertNoSecret(t, sub, secret)
		}
	}
}

// closedAddr is an address where nobody listens.
func closedAddr(t *testing.T) string {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer ln.Close()
	return ln.Addr().String()
}

// Whatever hangs, Dial returns with its context, and what is still under way
// leaves nothing behind (goleak, at the end of all tests).
func TestDialCancelled(t *testing.T) {
	certs := newTestCertificate(t)
	release := make(chan struct{})
	t.Cleanup(func() { close(release) })
	mute := newMute(t)
	open := newFakeNode(t, nil)
	for name, rdb := range map[string]redis.UniversalClient{
		"server mute":          redis.NewClient(&redis.Options{Addr: mute, ReadTimeout: -1}),
		"cluster, server mute": redis.NewClusterClient(&redis.ClusterOptions{Addrs: []string{mute}}),
		"TLS handshake mute":   redis.NewClient(&redis.Options{Addr: mute, TLSConfig: certs.client}),
		"cluster, TLS mute":    redis.NewClusterClient(&redis.ClusterOptions{Addrs: []string{mute}, TLSConfig: certs.client}),
		"dialer hangs": redis.NewClient(&redis.Options{Addr: mute, Dialer: func(context.Context, string, string) (net.Conn, error) {
			<-release
			client, server := net.Pipe()
			_ = server.Close()
			return client, nil
		}}),
		"provider hangs": redis.NewClient(&redis.Options{Addr: open.addr, CredentialsProvider: func() (string, string) {
			<-release
			return "", ""
		}}),
	} {
		t.Run(name, func(t *testing.T) {
			d := dialerOf(t, rdb)
			addr := d.Seeds()[0]
			silent(t, func() {
				gone := errors.New("the user has left")
				ctx, cancel := context.WithCancelCause(t.Context())
				began := time.Now()
				time.AfterFunc(50*time.Millisecond, func() { cancel(gone) })
				conn, err := d.Dial(ctx, addr)
				assert.Less(t, time.Since(began), 50*time.Millisecond+prompt)
				assert.Nil(t, conn)
				require.ErrorIs(t, err, gone)

				began = time.Now()
				ctx, cancelTimeout := context.WithTimeout(t.Context(), 20*time.Millisecond)
				defer cancelTimeout()
				_, err = d.Dial(ctx, addr)
				assert.Less(t, time.Since(began), 20*time.Millisecond+prompt)
				require.ErrorIs(t, err, context.DeadlineExceeded)
			})
		})
	}
}

// The client's dial timeout holds without a deadline on the context, also
// where its dialer doesn't care.
func TestDialTimeout(t *testing.T) {
	mute := newMute(t)
	rdb := redis.NewClient(&redis.Options{Addr: mute, DialTimeout: 50 * time.Millisecond, Dialer: func(ctx context.Context, _, _ string) (net.Conn, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}})
	_, err := dialerOf(t, rdb).Dial(t.Context(), mute)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	assert.ErrorContains(t, err, "no answer in time")

	rdb = redis.NewClient(&redis.Options{Addr: mute, ReadTimeout: 50 * time.Millisecond})
	_, err = dialerOf(t, rdb).Dial(t.Context(), mute)
	require.ErrorIs(t, err, os.ErrDeadlineExceeded)
	assert.ErrorContains(t, err, "no answer in time")
}

// newMute accepts connections and says nothing, until the test ends.
func newMute(t *testing.T) string {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	done := make(chan struct{})
	go func() {
		defer close(done)
		var conns []net.Conn
		for {
			conn, err := ln.Accept()
			if err != nil {
				break
			}
			conns = append(conns, conn)
		}
		for _, conn := range conns {
			_ = conn.Close()
		}
	}()
	t.Cleanup(func() {
		_ = ln.Close()
		<-done
	})
	return ln.Addr().String()
}
