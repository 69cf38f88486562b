package main

import (
	"os"

	// Time zones in schemas have to work on machines without zone data.
	_ "time/tzdata"
)

func main() {
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}
