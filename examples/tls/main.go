// Command tls scans a cluster through a go-redis client of the program's own:
// with TLS, a private certificate authority and an ACL user.
//
//	export REDIS_URL='rediss://node1:7000?addr=node2:7000'
//	export REDIS_USER=reader REDIS_PASSWORD=secret REDIS_CACERT=ca.pem
//	go run ./examples/tls
//
// A program that has a client already passes it on like this: redisarrow takes
// its options for the connections of the scan, its credentials and TLS
// included, and leaves its pools alone.
package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log"
	"os"

	"github.com/redis/go-redis/v9"

	"github.com/redisarrow/redisarrow/iterator"
	"github.com/redisarrow/redisarrow/schema"
)

func main() {
	if err := run(context.Background()); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context) error {
	options, err := clientOptions()
	if err != nil {
		return err
	}
	rdb := redis.NewClusterClient(options)
	defer rdb.Close() // ours: the iterator never closes it

	users, err := schema.NewHash(schema.Key("_key"), schema.Utf8("name"), schema.ExpiresAt("expires"))
	if err != nil {
		return err
	}
	// Connects and authenticates: a wrong password, a certificate that nobody
	// trusts or a missing permission is an error here.
	it, err := iterator.NewClusterHashBatchIterator(ctx, rdb, users, iterator.Config{Pattern: "user:*"})
	if err != nil {
		return err
	}
	defer it.Release()
	for batch, err := range it.All() {
		if err != nil {
			return err
		}
		fmt.Println(batch.NumRows(), "rows")
	}
	for _, node := range it.Stats().Nodes {
		fmt.Println(node.Addr, node.Rows)
	}
	return nil
}

func clientOptions() (*redis.ClusterOptions, error) {
	url, authority := os.Getenv("REDIS_URL"), os.Getenv("REDIS_CACERT")
	if url == "" || authority == "" {
		return nil, errors.New("set REDIS_URL to the URL of a node, such as rediss://node1:7000, and REDIS_CACERT to the file of the certificate authority")
	}
	options, err := redis.ParseClusterURL(url)
	if err != nil {
		return nil, errors.New("REDIS_URL isn't a URL such as rediss://node1:7000") // err may quote a password
	}
	pem, err := os.ReadFile(authority)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s holds no certificate", authority)
	}
	// A new one in place of ParseClusterURL's, which expects every node's
	// certificate to be for the first node's host.
	options.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: pool}
	// Asked for each new connection, so the password may change meanwhile.
	options.CredentialsProviderContext = func(context.Context) (user, password string, err error) {
		return os.Getenv("REDIS_USER"), os.Getenv("REDIS_PASSWORD"), nil
	}
	return options, nil
}
