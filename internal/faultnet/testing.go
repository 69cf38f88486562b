package faultnet

import "testing"

// Start makes a network that is closed at the test's end.
func Start(tb testing.TB) *Network {
	tb.Helper()
	n, err := New()
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(n.Close)
	return n
}
