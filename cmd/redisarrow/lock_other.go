//go:build !unix

package main

// lock does nothing here: that one process writes at a time is left to the user.
func lock(string) (unlock func(), err error) { return func() {}, nil }
