"""Sample trees in the formats of other programs: SmartSim-Scaling and itwinai. See sample_trees.py."""
import random

from sample_write import write

# --- SmartSim-Scaling: results/<exp>/run-…/<session>/rank_<r>_timing.csv, without a header
ATTRIBUTES = {"colocated": "1", "client_total": "0", "client_per_node": "2", "client_nodes": "0", "database_nodes": "0",
              "database_hosts": "", "database_cpus": "2", "database_port": "6780", "database_threads_per_queue": "1",
              "batch_size": "1", "device": "GPU", "num_devices": "1", "iterations": "12", "language": "cpp", "node_feature": "{}",
              "wall_time": "05:00:00"}


def gfortran(seconds, wide):
    """E25.16 with its leading blanks, or what G0 writes"""
    mantissa, exponent = f"{seconds:.15E}".split("E")
    if wide:
        digits, power = mantissa.replace(".", ""), int(exponent) + 1
        return f"0.{digits}E{power:+03d}".rjust(25)
    return f"{seconds:.17E}".replace("E-0", "E-00") if seconds < 0.1 else f"{seconds:.16f}"


def session_rows(rng, rank, fortran):
    """N - 1 times of each function in C++; in Fortran always as many, and client() is what was in the memory"""
    rows, total = [("client()", 0.0105)], 0.0
    for _ in range(12 if fortran else 11):
        for function, usual in (("put_tensor", 0.0088), ("run_script", 0.017), ("run_model", 0.0147), ("unpack_tensor", 0.00013)):
            seconds = usual * rng.lognormvariate(0, 0.2)
            rows.append((function, seconds))
            total += seconds
    if not fortran:
        rows.append(("loop_time", total * 1.2))
    rows.append(("main()", total * 1.2 + 0.2))
    if not fortran:
        return "".join(f"{rank},{name},{seconds:.6g}\n" for name, seconds in rows)
    garbage = ("6.9533558069213146-310", "-0.4172325063223070E+19", "NaN", "0.1050000000000000E-01")[rank % 4].rjust(25)
    return "".join(f"{rank},{name},{garbage if name == 'client()' else gfortran(seconds, rank % 2 == 0)}\n" for name, seconds in rows)


def smartsim(top, seed=23):
    rng = random.Random(seed)
    run = f"{top}/results/inference-scaling/run-2023-06-14-09:30:05"
    for language in ("cpp", "fortran"):
        for nodes in (1, 2, 4):
            attributes = {**ATTRIBUTES, "client_total": str(2 * nodes), "client_nodes": str(nodes), "language": language}
            name = f"infer-sess-colo-{language}-N{nodes}-T2-DBN{nodes}-DBCPU2-ITER12-DBTPQ1-{rng.randrange(1 << 16):04x}"
            session = f"{run}/{name}"
            write(f"{session}/run.cfg", "[run]\n" + "".join(f"{key} = {value}\n" for key, value in (
                ("name", name), ("path", f"/scratch/{name}"), ("smartsim_version", "0.4.2"), ("smartredis_version", "0.3.1"),
                ("db", "redis"), ("date", "2023-06-14"), ("language", language))) + "\n[attributes]\n" +
                "".join(f"{key} = {value}\n" for key, value in attributes.items()) + "\n")
            for rank in range(2 * nodes):
                write(f"{session}/rank_{rank}_timing.csv", session_rows(rng, rank, language == "fortran"))
            write(f"{session}/srlog.out", "")
            write(f"{session}/{name}.out", "")
    write(f"{run}/run.cfg", "[run]\nname = inference-scaling\n")
    write(f"{run}/scaling-2023-06-14.log", "")
    write(f"{top}/results/inference-scaling/stats/{run.rsplit('/', 1)[1]}/dataframe.csv", ",rank,function,time\n")
    return f"{top}/results"


# --- itwinai: scalability-metrics/[<run>/]{epoch-time,gpu-energy-data,computation-data}/*.csv
STRATEGIES = {"torch-ddp": 60.0, "deepspeed": 52.0, "horovod": 63.0}
OPERATIONS = (("aten::convolution", 0.5), ("aten::batch_norm", 0.15), ("autograd::engine::evaluate_function: AddBackward", 0.05),
              ("nccl:all_reduce", 0.12), ("cudaStreamSynchronize", 0.03), ("Optimizer.step#SGD.step", 0.05), ("Memcpy HtoD", 0.1))


def epochs(rng, folder, strategy, nodes, base, old):
    rows = []
    for epoch in range(1, 6):
        seconds = base / nodes ** 0.85 * rng.lognormvariate(0, 0.03) * (1.2 if epoch == 1 else 1)
        row = {"epoch_id": epoch, "time": repr(seconds), "name": strategy, "nodes": nodes}
        rows.append(row if old else {name: row[name] for name in ("name", "nodes", "epoch_id", "time")})
    write(f"{folder}/epoch-time/epochtime_{strategy}_{nodes}N.csv", table(rows))


def energy(rng, folder, strategy, nodes, per_node):
    rows = []
    for sample in range(6):
        for node in range(nodes):
            for local in range(per_node):
                rows.append({"sample_idx": sample, "utilization": round(80 + 15 * rng.random(), 1),
                             "power": round(250 + 80 * rng.random(), 3), "local_rank": local, "node_idx": node,
                             "num_global_gpus": nodes * per_node, "strategy": strategy, "probing_interval": 2})
    write(f"{folder}/gpu-energy-data/{strategy}_{nodes * per_node}.csv", table(rows))


def operations(rng, folder, strategy, nodes, per_node, old):
    gpus = nodes * per_node
    for rank in range(gpus):
        rows = []
        for name, share in (*OPERATIONS, ("ProfilerStep*", 0.4)):
            micro = round(1e6 * share * rng.lognormvariate(0, 0.1) * (gpus ** 0.3 if "nccl" in name else 1), 3)
            row = {"name": name, "node_id": rank // per_node, "self_cuda_time_total": micro, "cuda_time_total": micro,
                   "cuda_time_total_str": f"{micro / 1000:.3f}ms", "calls": 10, "strategy": strategy, "num_gpus": gpus,
                   "global_rank": rank}
            new = ("strategy", "num_gpus", "global_rank", "name", "self_cuda_time_total")
            rows.append(row if old else {column: row[column] for column in new})
        write(f"{folder}/{'communication-data' if old else 'computation-data'}/{strategy}_{gpus}_{rank}.csv", table(rows))


def table(rows):
    return ",".join(rows[0]) + "\n" + "".join(",".join(str(value) for value in row.values()) + "\n" for row in rows)


def itwinai(top, flat=False, old=False, seed=31):
    rng = random.Random(seed)
    for run in ("",) if flat else ("run_a", "run_b"):
        folder = f"{top}/scalability-metrics/{run}".rstrip("/")
        for strategy, base in STRATEGIES.items():
            for nodes in (1, 2, 4):
                epochs(rng, folder, strategy, nodes, base, old)
                energy(rng, folder, strategy, nodes, 2)
                operations(rng, folder, strategy, nodes, 2, old)
    return f"{top}/scalability-metrics"
