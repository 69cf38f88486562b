//go:build !duckdb_arrow || !cgo

package main

import "log"

func main() {
	log.Fatal("build with -tags duckdb_arrow, and a C and a C++ compiler (Debian: g++; CGO_ENABLED=1)")
}
