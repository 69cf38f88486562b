"""Reads with redis-py and pyarrow: pipelines of HMGET or GET for each page of scan_iter's keys.

It is told a task in JSON (task in process.go), and answers with figures in JSON.
"""

import datetime
import itertools
import json
import resource
import sys
import time

import pyarrow as pa
import pyarrow.compute as pc
import redis

BATCH = 8192


def moment(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))


TYPES = {
    "utf8": (pa.string(), str),
    "int64": (pa.int64(), int),
    "float64": (pa.float64(), float),
    "bool": (pa.bool_(), lambda text: text == "true"),
    "date": (pa.date32(), datetime.date.fromisoformat),
    "time": (pa.timestamp("us", tz="UTC"), moment),
}


def batches(task):
    """Record batches of all masters, one master after another."""
    columns = task["Columns"] or []
    names = [c["Name"] for c in columns]
    types = [TYPES[c["Type"]] for c in columns]
    fields = [pa.field("_key", pa.string())]
    if task["TTL"]:
        fields.append(pa.field("_ttl", pa.int64()))
    if columns:
        fields += [pa.field(name, type) for name, (type, _) in zip(names, types)]
    else:
        fields.append(pa.field("value", pa.string()))
    schema = pa.schema(fields)
    for address in task["Masters"]:
        host, port = address.rsplit(":", 1)
        client = redis.Redis(host=host, port=int(port), decode_responses=True)
        keys = client.scan_iter(match=task["Pattern"], count=task["Count"], _type=task["Type"])
        while page := list(itertools.islice(keys, BATCH)):
            pipe = client.pipeline(transaction=False)
            for key in page:
                if columns:
                    pipe.hmget(key, names)
                else:
                    pipe.get(key)
                if task["TTL"]:
                    pipe.ttl(key)
            replies = pipe.execute()
            arrays = [page]
            if task["TTL"]:
                arrays.append(replies[1::2])
                replies = replies[0::2]
            if columns:
                for cells, (_, parse) in zip(zip(*replies), types):
                    arrays.append([None if cell is None else parse(cell) for cell in cells])
            else:
                arrays.append(replies)
            yield pa.record_batch([pa.array(a, f.type) for a, f in zip(arrays, fields)], schema=schema)
        client.close()


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
    for batch in batches(task):
        tally["Rows"] += batch.num_rows
        for field, column in zip(batch.schema, batch.columns):
            if field.name == "_ttl":
                tally["Expiring"] += pc.sum(pc.greater_equal(column, 0)).as_py()
            elif field.name == "value":
                tally["Sum"] += pc.sum(pc.binary_length(column)).as_py()
            elif field.type == pa.int64():
                tally["Sum"] += pc.sum(column).as_py()
    wall = time.monotonic_ns() - begun
    print(json.dumps({"Tally": tally, "Wall": wall, "CPU": cpu() - cpu_before, "Peak": peak()}))


main()
