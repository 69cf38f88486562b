// Package parquet is the Apache Parquet format for package arrowutil:
//
//	arrowutil.WriteFile("users.parquet", rr, parquet.Format{})
//
// It is a package of its own because of what Parquet brings along (thrift, gRPC):
// programs that don't write it don't pay for it. What it does is arrow-go's
// parquet/pqarrow, with row groups that are bounded in rows and in bytes, and
// settings that every common reader takes.
//
// # Types
//
// The Arrow schema is stored beside Parquet's own, with its metadata, so Arrow
// libraries give back the types that went in, and the metadata. All types of
// package schema keep their values. One changes on the way: Parquet has no seconds,
// so a timestamp[s] is stored, and read back, in milliseconds.
package parquet
