#!/usr/bin/env bats
# AI.TENSORSET and AI.TENSORGET: every type, every form of reply, everything that is refused.
load ../lib/db

setup_file() { db_start TPQ 1 THREADS 1 MAXTENSOR 1000000; }
teardown_file() { db_stop; }

@test "every numeric type goes in and comes out as bytes and as values" {
    db_py <<'PY'
for name, code, values in [("FLOAT", "f", [1, -2.5]), ("DOUBLE", "d", [1, -2.5]), ("INT8", "b", [-128, 127]),
                           ("INT16", "h", [-32768, 32767]), ("INT32", "i", [-2**31, 2**31 - 1]),
                           ("INT64", "q", [-2**63, 2**63 - 1]), ("UINT8", "B", [0, 255]),
                           ("UINT16", "H", [0, 65535]), ("BOOL", "B", [0, 1])]:
    blob = struct.pack("<2" + code, *values)
    same(db("AI.TENSORSET", "t", name, 2, "BLOB", blob), b"OK")
    same(db("AI.TENSORGET", "t", "BLOB"), blob)
    same(db("AI.TENSORGET", "t", "META", "BLOB"), [b"dtype", name.encode(), b"shape", [2], b"blob", blob])
    same(db("AI.TENSORSET", "v", name, 1, 2, "VALUES", *values), b"OK")
    same(db("AI.TENSORGET", "v", "BLOB"), blob)
    same([float(x) for x in db("AI.TENSORGET", "v", "VALUES")], [float(x) for x in values])
PY
}

@test "strings are kept with their ends" {
    db_py <<'PY'
db("AI.TENSORSET", "s", "STRING", 1, 3, "VALUES", "first", "", "third")
same(db("AI.TENSORGET", "s", "META", "VALUES"), [b"dtype", b"STRING", b"shape", [1, 3], b"values", [b"first", b"", b"third"]])
same(db("AI.TENSORGET", "s", "BLOB"), b"first\0\0third\0")
db("AI.TENSORSET", "s", "STRING", 2, "BLOB", b"a\0b\0")
same(db("AI.TENSORGET", "s", "VALUES"), [b"a", b"b"])
for blob in b"a\0b", b"a\0b\0c\0", b"a\0":
    fails("AI.TENSORSET", "s", "STRING", 2, "BLOB", blob, says="number of string elements")
fails("AI.TENSORSET", "s", "STRING", 1, "VALUES", b"a\0b", says="NUL")
PY
}

@test "without data a tensor is zeros, without words a reply has everything" {
    db_py <<'PY'
same(db("AI.TENSORSET", "z", "DOUBLE", 2, 3), b"OK")
same(db("AI.TENSORGET", "z"), [b"dtype", b"DOUBLE", b"shape", [2, 3], b"blob", bytes(48)])
same(db("AI.TENSORGET", "z", "META"), [b"dtype", b"DOUBLE", b"shape", [2, 3]])
same(db("AI.TENSORGET", "z", "VALUES"), [b"0"] * 6)
same(db("ai.tensorset", "z", "float", 0, 5, "blob", b""), b"OK")
same(db("AI.TENSORGET", "z", "META", "BLOB"), [b"dtype", b"FLOAT", b"shape", [0, 5], b"blob", b""])
PY
}

@test "keys of tensors are keys like others: EXISTS, RENAME, DEL, TYPE" {
    db_py <<'PY'
put("a", [1, 2])
same(db("TYPE", "a"), b"INF_TENSR")
same(db("RENAME", "a", "b"), b"OK")
same([db("EXISTS", "a"), db("EXISTS", "b")], [0, 1])
same(get("b"), [1, 2])
put("b", [3])
same(get("b"), [3])
same(db("DEL", "b"), 1)
fails("AI.TENSORGET", "b", says="ERR tensor key is empty or in a different shard")
db("SET", "text", "x")
fails("AI.TENSORSET", "text", "FLOAT", 1, says="WRONGTYPE")
fails("AI.TENSORGET", "text", says="WRONGTYPE")
put("a", [1])
fails("GET", "a", says="WRONGTYPE")
PY
}

@test "shape and bytes that disagree are refused" {
    db_py <<'PY'
for length in 0, 7, 9:
    fails("AI.TENSORSET", "none", "FLOAT", 2, "BLOB", bytes(length), says="ERR data length does not match tensor shape and type")
fails("AI.TENSORSET", "none", "FLOAT", 2, "VALUES", 1, says="1 values were given for a tensor of 2 elements")
fails("AI.TENSORSET", "none", "FLOAT", 2, "VALUES", 1, 2, 3, says="3 values")
fails("AI.TENSORSET", "none", "FLOAT", 2, "BLOB", says="BLOB is followed by one argument")
fails("AI.TENSORSET", "none", "FLOAT", 2, "BLOB", bytes(8), "x", says="BLOB is followed by one argument")
same(db("EXISTS", "none"), 0)
PY
}

@test "types, extents and values that are none are refused" {
    db_py <<'PY'
fails("AI.TENSORSET", "t", "COMPLEX", 1, says="ERR invalid data type")
fails("AI.TENSORSET", "t", "FLOAT16", 1, says="ERR invalid data type")
for extent in "-1", "1.5", "", "x", "99999999999999999999", "0x2":
    fails("AI.TENSORSET", "t", "FLOAT", extent, says="ERR invalid or negative value found in tensor shape")
for kind, value in ("INT8", 128), ("UINT8", -1), ("UINT16", 65536), ("INT32", "1.5"), ("BOOL", 2), ("FLOAT", "x"), ("FLOAT", "1x"):
    fails("AI.TENSORSET", "t", kind, 1, "VALUES", value, says=f"is not a {kind}")
fails("AI.TENSORSET", "t", "BOOL", 2, "BLOB", b"\1\2", says="0 and 1")
fails("AI.TENSORSET", "t", "FLOAT", *[1] * 33, says="at most 32 dimensions")
for words in [], ["t"], ["t", "FLOAT"]:
    fails("AI.TENSORSET", *words, says="wrong number of arguments")
fails("AI.TENSORGET", says="wrong number of arguments")
put("t", [1])
fails("AI.TENSORGET", "t", "ALL", says="takes META, BLOB and VALUES")
fails("AI.TENSORGET", "t", "BLOB", "VALUES", says="both BLOB and VALUES")
PY
}

@test "S8: products that overflow and tensors beyond the limit are refused before memory is taken" {
    db_py <<'PY'
big = 2**62
for shape in [big, 4], [2**32, 2**32], [2**63 - 1, 2], [3037000500, 3037000500], [250001], [0, big, 4, big]:
    fails("AI.TENSORSET", "t", "FLOAT", *shape, says="larger than 1000000 bytes, the limit MAXTENSOR")
same(db("AI.TENSORSET", "t", "FLOAT", 250000), b"OK")
PY
}

@test "errors stay on one line, whatever they quote" {
    db_py <<'PY'
reply = db.ask("AI.TENSORGET", "t", b"A\r\n-B\x00\x07")
assert isinstance(reply, resp.Problem) and "\\x0d" in str(reply).lower(), reply
same(db("PING"), b"PONG")
PY
}
