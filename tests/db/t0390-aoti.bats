#!/usr/bin/env bats
# AOTInductor packages: native code, from files that the owner of the database names and from nowhere else.
# The packages are compiled here, by contrib/export with the Python torch that contrib/deps/torch.sh fetches once.
load ../lib/db

setup_file() {
    db_require
    export WORK=$BATS_FILE_TMPDIR
    if ! TORCH=$("$INFERSTEP_TOP/contrib/deps/torch.sh" --python 2>"$WORK/why"); then
        export NO_TORCH="no package can be compiled here: $(tail -n 1 "$WORK/why")"
        return
    fi
    make_packages
    export TMPDIR=$WORK/tmp            # where the server unpacks what it opens
    mkdir "$TMPDIR"
    db_start TPQ 2 THREADS 1 DEVICE cpu
}
teardown_file() { db_stop; }
setup() { [ -z "${NO_TORCH-}" ] || skip "$NO_TORCH"; }

# y = 3x + 1: of 1 to 8 samples in 32 bits, of exactly 2 samples in 16.
make_packages() {
    local export=$INFERSTEP_TOP/contrib/export/inferstep-export
    python3 "$INFERSTEP_TOP/tests/lib/torchscript.py" --example 1,4 "$WORK/m.pt" 'x: Tensor -> Tensor' \
        'return torch.add(torch.mul(x, 3), 1)'
    PYTHONPATH=$TORCH "$export" "$WORK/m.pt" -o "$WORK/dynamic.pt2" --dynamic-batch 8 3>&-
    PYTHONPATH=$TORCH "$export" "$WORK/m.pt" -o "$WORK/static.pt2" --shape 2x4 --precision bfloat16 3>&-
}

common() {
    cat <<'PY'
import hashlib
WORK = os.environ["WORK"]
def sha(path):
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()
def words(name, file, *options, device="CPU", digest=None):
    path = file if file.startswith("/") else f"{WORK}/{file}"
    return ["AI._MODELFILE", name, "AOTI", device, *options, "SHA256", digest or sha(path), "FILE", path]
PY
}

@test "a package is loaded from its file, executed, and read back without its code" {
    { common; cat; } <<'PY' | db_py
same(db(*words("m", "dynamic.pt2", "TAG", "v1")), b"OK")
put("x", [1, 2, 3, 4, 5, 6, 7, 8], 2, 4)
same(db(*run("m", ["x"], ["y"])), b"OK")
same(get("y"), [4, 7, 10, 13, 16, 19, 22, 25])
same([get("x")[0], db("AI.TENSORGET", "y", "META")], [1, [b"dtype", b"FLOAT", b"shape", [2, 4]]])
meta = pairs(db("AI.MODELGET", "m", "META"))
same([meta["backend"], meta["tag"]], [b"AOTI", b"v1"])
same(db("AI.MODELGET", "m", "BLOB"), b"")
same(stats("m")["backend"], b"AOTI")
same([name for name in os.listdir(os.environ["TMPDIR"]) if name.startswith("inferstep-package-")], [])
PY
}

@test "inputs that do not fit are refused in one line, and the code never sees them" {
    { common; cat; } <<'PY' | db_py
same(db(*words("m", "dynamic.pt2")), b"OK")
same(db(*words("two", "static.pt2")), b"OK")
wrong = [("nine", "FLOAT", [9, 4]), ("wide", "FLOAT", [2, 5]), ("flat", "FLOAT", [4]), ("ints", "INT32", [2, 4]), ("deep", "FLOAT", [2, 4, 1])]
for name, kind, shape in wrong:
    same(db("AI.TENSORSET", name, kind, *shape), b"OK")
    fails(*run("m", [name], ["y"]), says="takes one FLOAT tensor, 1 to 8 samples of 4")
put("one", [1, 2, 3, 4], 1, 4)
fails(*run("two", ["one"], ["y"]), says="takes one FLOAT tensor, 2 to 2 samples of 4")
fails(*run("m", ["one", "one"], ["y"]), says="takes one FLOAT tensor")
fails(*run("m", ["one"], ["y", "z"]), says="the model gives 1 outputs, 2 keys")
same(db(*run("m", ["one"], ["y"])), b"OK")
same(get("y"), [4, 7, 10, 13])
PY
}

@test "requests are joined as far as the package allows" {
    { common; cat; } <<'PY' | db_py
same(db(*words("m", "dynamic.pt2", "BATCHSIZE", 4, "MINBATCHSIZE", 4)), b"OK")
clients = [connect() for _ in range(4)]
for n, client in enumerate(clients):
    put(f"x{n}", [n] * 4, 1, 4)
    client.send(*run("m", [f"x{n}"], [f"y{n}"]))
for n, client in enumerate(clients):
    same([client.receive(), get(f"y{n}")], [b"OK", [3 * n + 1] * 4])
same([stats("m")["batches"], stats("m")["samples"]], [1, 4])
fails(*words("n", "dynamic.pt2", "BATCHSIZE", 9), says="BATCHSIZE 9 is more than the 8 samples that the model takes")
fails(*words("n", "static.pt2", "BATCHSIZE", 4), says="BATCHSIZE 4 is more than the 2 samples that the model takes")
same(db("EXISTS", "n"), 0)
PY
}

@test "a package says what its precision costs" {
    { common; cat; } <<'PY' | db_py
same(db(*words("two", "static.pt2")), b"OK")
put("x", [0.1] * 8, 2, 4)
same(db(*run("two", ["x"], ["y"])), b"OK")
assert all(abs(y - 1.3) < 0.01 and y != 1.3 for y in get("y")), get("y")
assert 0 < float(stats("two")["precision_error"]) < 0.02, stats("two")
fails(*words("n", "static.pt2", "PRECISION", "bfloat16"), says="the precision of a package is that which it was compiled for")
PY
}

@test "S9: no client can send a package, nor name a file that others can change or that is another" {
    chmod 666 "$WORK/m.pt"
    cp "$WORK/dynamic.pt2" "$WORK/open.pt2" && chmod 646 "$WORK/open.pt2"
    mkfifo "$WORK/pipe.pt2"
    [ "$(id -u)" != 0 ] || { cp "$WORK/dynamic.pt2" "$WORK/foreign.pt2" && chown 65534 "$WORK/foreign.pt2"; }
    { common; cat; } <<'PY' | db_py
package = open(f"{WORK}/dynamic.pt2", "rb").read()
for command in "AI.MODELSTORE", "AI.MODELSET":
    fails(command, "n", "TORCH", "CPU", "BLOB", package, says="this is an AOTInductor package, native code")
    fails(command, "n", "AOTI", "CPU", "BLOB", package, says="backend AOTI is not supported")
half = len(package) // 2
fails("AI.MODELSTORE", "n", "TORCH", "CPU", "BLOB", package[:half], package[half:], says="this is an AOTInductor package")
fails(*words("n", "open.pt2"), says="can be written by everybody")
fails(*words("n", "dynamic.pt2", digest="0" * 64), says="has not the checksum that was asked for")
fails(*words("n", "pipe.pt2", digest="0" * 64), says="is not a file")
fails(*words("n", WORK, digest="0" * 64), says="is not a file")
fails(*words("n", "none.pt2", digest="0" * 64), says="cannot open")
fails("AI._MODELFILE", "n", "AOTI", "CPU", "SHA256", "0" * 64, "FILE", "dynamic.pt2", says="FILE is an absolute path")
fails("AI._MODELFILE", "n", "AOTI", "CPU", "SHA256", "F" * 64, "FILE", "/d", says="64 lower-case hexadecimal digits")
fails("AI._MODELFILE", "n", "TORCH", "CPU", "SHA256", "0" * 64, "FILE", "/d", says="AI._MODELFILE loads AOTI packages")
fails("AI._MODELFILE", "n", "AOTI", "CPU", "FILE", "/d", says="ERR")
if os.path.exists(f"{WORK}/foreign.pt2"):
    fails(*words("n", "foreign.pt2"), says="belongs to another user")
os.chmod(f"{WORK}/m.pt", 0o644)
fails(*words("n", "m.pt"), says="is not an AOTInductor package")
same(db("EXISTS", "n"), 0)
PY
}

@test "a package that is damaged is refused in one line" {
    { common; cat; } <<'PY' | db_py
import zipfile
def altered(name, change):
    path = f"{WORK}/{name}"
    with zipfile.ZipFile(f"{WORK}/dynamic.pt2") as old, zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as new:
        for entry in old.namelist():
            content = change(entry, old.read(entry))
            if content is not None:
                new.writestr(entry, content)
    return path
MARK = b"AOTI_RUNTIME_CHECK_INPUTS"
cases = [
    ("code.pt2", lambda n, c: MARK + b"no code" if n.endswith(".so") else c, "ERR"),
    ("cut.pt2", lambda n, c: c[:len(c) // 2] + MARK if n.endswith(".so") else c, "ERR"),
    ("blind.pt2", lambda n, c: c.replace(MARK, b"x" * len(MARK)) if n.endswith(".so") else c, "cannot check its inputs"),
    ("none.pt2", lambda n, c: None if n.endswith(".so") else c, "holds no compiled model"),
    ("text.pt2", lambda n, c: b"{" if n.endswith("metadata.json") else c, "ERR"),
    ("cuda.pt2", lambda n, c: c.replace(b'"cpu"', b'"cuda"') if n.endswith("metadata.json") else c, "compiled for the device cuda"),
    ("sense.pt2", lambda n, c: c.replace(b'batch_low\\": 1', b'batch_low\\": 9') if n.endswith("metadata.json") else c, "makes no sense"),
]
for name, change, says in cases:
    path = altered(name, change)
    fails(*words("n", path), says=says)
    same(db("EXISTS", "n"), 0)
with open(f"{WORK}/short.pt2", "wb") as file:
    file.write(open(f"{WORK}/dynamic.pt2", "rb").read()[:-100])
fails(*words("n", f"{WORK}/short.pt2"), says="ERR")
same(db(*words("m", "dynamic.pt2")), b"OK")
same([name for name in os.listdir(os.environ["TMPDIR"]) if name.startswith("inferstep-package-")], [])
PY
    kill -0 "$DB_PID"
    ! grep -qE 'REDIS BUG REPORT|crashed by signal' "$DB_DIR/log"
}

@test "RDB and append-only files keep the path and the checksum, not the code" {
    unset DB_DIR                       # a server of its own
    local kind
    for kind in rdb aof; do
        [ $kind = rdb ] || export DB_CONFIG=$'appendonly yes\naof-use-rdb-preamble no'
        db_start TPQ 1 THREADS 1 DEVICE cpu
        { common; cat; } <<'PY' | db_py
db("FLUSHALL")
same(db(*words("m", "dynamic.pt2", "TAG", "t", "BATCHSIZE", 8)), b"OK")
PY
        [ $kind = aof ] || [ "$(db_cli save)" = OK ]
        db_pause
        [ "$(du -sk "$DB_DIR" | cut -f1)" -lt 100 ]
        db_start TPQ 1 THREADS 1 DEVICE cpu
        { common; cat; } <<'PY' | db_py
meta = pairs(db("AI.MODELGET", "m", "META"))
same([meta["backend"], meta["tag"], meta["batchsize"]], [b"AOTI", b"t", 8])
put("x", [1, 2, 3, 4], 1, 4)
same(db(*run("m", ["x"], ["y"])), b"OK")
same(get("y"), [4, 7, 10, 13])
PY
        db_pause
    done
    # The file has become another one since: it is not executed.
    cp "$WORK/static.pt2" "$WORK/dynamic.pt2"
    db_start TPQ 1 THREADS 1 DEVICE cpu
    db_py <<'PY'
fails(*run("m", ["x"], ["y"]), says="has not the checksum that was asked for")
PY
    db_stop
}

@test "S9: --model loads a package into a step's databases, whose clients cannot load another" {
    cd "$WORK"
    run env TMPDIR="$TMPDIR" "$BUILD/bin/inferstep" run --statedir="$TMPDIR" --colocate --device=cpu --model=m:static.pt2,warmup=2x4 \
        sh -c 'redis-cli -s "${SSDB#unix://}" ai.modelget m meta | head -n 2; redis-cli -s "${SSDB#unix://}" ai._modelfile n aoti cpu sha256 0 file /d'
    [ "$status" = 0 ]
    [[ "$output" == *AOTI* ]]
    [[ "$output" == *NOPERM* ]]
    run "$BUILD/bin/inferstep" run --statedir="$TMPDIR" --colocate --device=cpu --model=m:m.pt,backend=aoti true
    [ "$status" = 1 ]
    [[ "$output" == *"m.pt is not an AOTInductor package"* ]]
    run "$BUILD/bin/inferstep" run --statedir="$TMPDIR" --colocate --device=cpu --model=m:static.pt2,backend=torch true
    [ "$status" = 1 ]
    [[ "$output" == *"this is an AOTInductor package, native code"* ]]
}
