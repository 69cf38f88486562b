"""Reads with polars-redis: an iterator for each master, as its cluster iterator can't read a cluster.

It is told a task in JSON (task in process.go), and answers with figures in JSON.
"""

import json
import resource
import sys
import time

import polars as pl
import polars_redis

BATCH = 8192
TYPES = {"utf8": "utf8", "int64": "int64", "float64": "float64", "bool": "bool", "date": "date", "time": "datetime"}


def frames(task):
    """Data frames of all masters, one master after another."""
    for address in task["Masters"]:
        options = {
            "url": "redis://" + address,
            "pattern": task["Pattern"],
            "batch_size": BATCH,
            "count_hint": task["Count"],
        }
        if task["Type"] == "hash":
            schema = [(c["Name"], TYPES[c["Type"]]) for c in task["Columns"]]
            rows = polars_redis.PyHashBatchIterator(schema=schema, include_ttl=task["TTL"], **options)
        else:
            rows = polars_redis.PyStringBatchIterator(value_type="utf8", **options)
        while not rows.is_done():
            batch = rows.next_batch_ipc()
            if batch is None:
                break
            yield pl.read_ipc(batch)


def peak():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) << 10 for line in status if line.startswith("VmHWM"))


def cpu():
    use = resource.getrusage(resource.RUSAGE_SELF)
    return int((use.ru_utime + use.ru_stime) * 1e9)


def main():
    task = json.loads(sys.argv[2])
    tally = {"Rows": 0, "Sum": 0, "Expiring": 0}
    cpu_before, begun = cpu(), time.monotonic_ns()
    for frame in frames(task):
        tally["Rows"] += len(frame)
        for column in frame.get_columns():
            if column.name == "_ttl":
                tally["Expiring"] += int((column >= 0).sum())
            elif column.name == "value":
                tally["Sum"] += int(column.str.len_bytes().sum())
            elif column.dtype == pl.Int64:
                tally["Sum"] += int(column.sum())
    wall = time.monotonic_ns() - begun
    print(json.dumps({"Tally": tally, "Wall": wall, "CPU": cpu() - cpu_before, "Peak": peak()}))


main()
