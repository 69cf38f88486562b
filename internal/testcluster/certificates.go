package testcluster

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

// Certificates are a cluster's own authority, server certificate and client certificate: as PEM files, gone with the
// cluster's folder, and ready for use. They are valid for a day.
type Certificates struct {
	CAFile         string
	ServerCertFile string
	ServerKeyFile  string
	ClientCertFile string
	ClientKeyFile  string

	pool   *x509.CertPool
	client tls.Certificate
}

// ClientConfig trusts the cluster's authority and shows the client certificate. It is a new one at every call.
func (c *Certificates) ClientConfig() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: c.pool, Certificates: []tls.Certificate{c.client}}
}

// newCertificates writes a set of certificates to dir; the server's is for 127.0.0.1, ::1, localhost and names.
func newCertificates(dir string, names []string) (*Certificates, error) {
	c := &Certificates{
		CAFile:         filepath.Join(dir, "ca.pem"),
		ServerCertFile: filepath.Join(dir, "server.pem"),
		ServerKeyFile:  filepath.Join(dir, "server-key.pem"),
		ClientCertFile: filepath.Join(dir, "client.pem"),
		ClientKeyFile:  filepath.Join(dir, "client-key.pem"),
		pool:           x509.NewCertPool(),
	}
	ca := &x509.Certificate{
		Subject:               pkix.Name{CommonName: "testcluster authority"},
		KeyUsage:              x509.KeyUsageCertSign,
		IsCA:                  true,
		BasicConstraintsValid: true,
	}
	caKey, err := issue(ca, ca, nil, c.CAFile, "")
	if err != nil {
		return nil, err
	}
	c.pool.AddCert(ca)

	// On the cluster bus and as a replica a server is a client too, with the same certificate.
	both := []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
	server := &x509.Certificate{
		Subject:     pkix.Name{CommonName: "testcluster server"},
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: both,
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
		DNSNames:    append([]string{"localhost"}, names...),
	}
	if _, err := issue(server, ca, caKey, c.ServerCertFile, c.ServerKeyFile); err != nil {
		return nil, err
	}
	client := &x509.Certificate{
		Subject:     pkix.Name{CommonName: "testcluster client"},
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: both[1:],
	}
	if _, err := issue(client, ca, caKey, c.ClientCertFile, c.ClientKeyFile); err != nil {
		return nil, err
	}
	c.client, err = tls.LoadX509KeyPair(c.ClientCertFile, c.ClientKeyFile)
	return c, err
}

// issue signs cert, replacing it by what came out, and writes it and its new key as PEM. A nil signer means cert signs
// itself; an empty keyFile that the key is not kept.
func issue(cert, parent *x509.Certificate, signer crypto.Signer, certFile, keyFile string) (crypto.Signer, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("testcluster: certificate key: %w", err)
	}
	if signer == nil {
		signer = key
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, fmt.Errorf("testcluster: certificate number: %w", err)
	}
	cert.SerialNumber = serial
	cert.NotBefore = time.Now().Add(-time.Hour)
	cert.NotAfter = time.Now().Add(24 * time.Hour)
	der, err := x509.CreateCertificate(rand.Reader, cert, parent, key.Public(), signer)
	if err != nil {
		return nil, fmt.Errorf("testcluster: certificate: %w", err)
	}
	signed, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("testcluster: certificate: %w", err)
	}
	*cert = *signed
	if err := writePEM(certFile, "CERTIFICATE", der); err != nil || keyFile == "" {
		return key, err
	}
	text, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("testcluster: certificate key: %w", err)
	}
	return key, writePEM(keyFile, "PRIVATE KEY", text)
}

func writePEM(file, kind string, der []byte) error {
	return os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600)
}
