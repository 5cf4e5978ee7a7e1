#!/usr/bin/env bats
# The networks that the program writes: what is in the file, and what comes out of it.
load ../lib/db

setup_file() {
    db_start TPQ 2 THREADS 1
    "$BUILD/bin/inferstep" model resnet18 --seed 1 -o "$DB_DIR/one.pt"
    "$BUILD/bin/inferstep" model resnet18 --seed 1 -o "$DB_DIR/same.pt"
    "$BUILD/bin/inferstep" model resnet18 --seed 2 -o "$DB_DIR/two.pt"
}
teardown_file() { db_stop; }

@test "the same seed gives the same bytes, another one others" {
    cmp "$DB_DIR/one.pt" "$DB_DIR/same.pt"
    run cmp -s "$DB_DIR/one.pt" "$DB_DIR/two.pt"
    [ "$status" = 1 ]
}

@test "a file has torchvision's parameters, buffers and names, and carries its example" {
    "$BUILD/bin/inferstep" model resnet50 -o "$DB_DIR/fifty.pt"
    db_py <<'PY'
import json
import zipfile
# Parameters and channels of batch norms; of each norm also a counter of 8 bytes is saved.
for name, parameters, channels, norms in ("one.pt", 11689512, 4800, 20), ("fifty.pt", 25557032, 26560, 53):
    archive = zipfile.ZipFile(os.path.join(DIR, name))
    tensors = [entry for entry in archive.infolist() if "/data/" in entry.filename and "/code/" not in entry.filename]
    same(sum(entry.file_size for entry in tensors), 4 * (parameters + 2 * channels) + 8 * norms)
    read = {entry.filename.split("/", 1)[1]: entry for entry in archive.infolist()}
    same(json.loads(archive.read(read["extra/inferstep.json"])), {"example_shape": [1, 3, 224, 224]})
    pickled = archive.read(read["data.pkl"])
    for word in b"conv1", b"bn1", b"layer1", b"layer4", b"downsample", b"running_mean", b"running_var", b"num_batches_tracked", b"fc":
        assert word in pickled, f"{word} is missing in {name}"
PY
}

@test "different images get different, finite scores; the same image gets the same ones, alone or in a batch" {
    db_py <<'PY'
import math
import random
store("net", open(DIR + "/one.pt", "rb").read(), "BATCHSIZE", 4)
random.seed(3)
images = []
for i in range(3):
    frequency = random.random()
    images.append(array.array("f", [math.sin(frequency * n) for n in range(3 * 224 * 224)]).tobytes())
    db("AI.TENSORSET", f"i{i}", "FLOAT", 1, 3, 224, 224, "BLOB", images[i])
    same(db(*run("net", [f"i{i}"], [f"o{i}"])), b"OK")
scores = [get(f"o{i}") for i in range(3)]
for i, score in enumerate(scores):
    same(len(score), 1000)
    assert all(math.isfinite(x) for x in score) and max(map(abs, score)) < 1000
    for other in scores[i + 1:]:
        distance = max(abs(a - b) for a, b in zip(score, other))
        assert distance > 0.05 * max(map(abs, score)), f"two images get scores that differ by {distance} only"
db("AI.TENSORSET", "all", "FLOAT", 3, 3, 224, 224, "BLOB", b"".join(images))
same(db(*run("net", ["all"], ["joint"])), b"OK")
for got, expected in zip(get("joint"), sum(scores, [])):
    assert abs(got - expected) <= 1e-3 * max(1, abs(expected)), (got, expected)
PY
}

@test "a GPU that is not there is an error in RedisAI's words" {
    ! ls /dev/nvidia[0-9]* >/dev/null 2>&1 || skip "a GPU is here"
    db_py <<'PY'
for device in "GPU", "GPU:1":
    fails("AI.MODELSTORE", "g", "TORCH", device, "BLOB", DOUBLE, says="ERR GPU requested but Torch couldn't find CUDA")
    same(db("EXISTS", "g"), 0)
PY
}
