// Package pyenv gives tests a Python with packages in it, to look at our files with other people's Arrow: pyarrow and
// Polars, and with DuckDB and pandas, which take it from them.
//
// [Ensure] makes a virtual environment per set of packages, once, in a cache folder outside the repository; [Python]
// and [Run] are what tests call.
package pyenv
