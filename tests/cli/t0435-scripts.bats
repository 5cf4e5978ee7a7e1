#!/usr/bin/env bats
# Scripts, and several steps in one round trip, as a user's program calls them in C++, C and Fortran.

load ../lib/db

setup_file() {
    db_start TPQ 1 THREADS 1
    export WORK=$DB_DIR/work
    mkdir "$WORK"
    cp "$INFERSTEP_TOP"/runtime/db/client/{inferclient.{hpp,h,f90},*.inc} "$WORK"
    cd "$WORK" || return 1
    python3 "$INFERSTEP_TOP/tests/lib/torchscript.py" double.pt 'x: Tensor -> Tensor' 'return torch.mul(x, 2)'
    cat >math.py <<'PY'
def add_one(x: Tensor) -> Tensor:
    return x + 1

def sum_and_difference(a: Tensor, b: Tensor):
    return a + b, a - b

def fail(x: Tensor) -> Tensor:
    assert False, "never works"
    return x
PY
}
teardown_file() { db_stop; }
setup() {
    cd "$WORK" || return 1
    export SSDB=unix://$DB_SOCKET LD_LIBRARY_PATH=$BUILD/lib
}
link=(-L"$BUILD/lib" -linferclient)

# The program prints "done" when all is well.
well() {
    run "$@"
    [ "$output" = "done" ] || { echo "$output"; return 1; }
}

@test "C++: scripts are stored, run, read back, deleted" {
    cat >script.cpp <<'CPP'
#include "inferclient.hpp"
#include <cstdio>
#include <fstream>
#include <iterator>
using namespace inferstep;
#define MUST(call) if (ClientStatus must = (call); !must) { std::printf("line %d: %s\n", __LINE__, must.message().c_str()); return 1; }
#define TRUE(what) if (!(what)) { std::printf("line %d: %s\n", __LINE__, #what); return 1; }
int main() {
    std::ifstream in("math.py");
    const std::string source{std::istreambuf_iterator<char>(in), {}};
    Client client;
    MUST(client.connect());
    MUST(client.set_script("cpp.math", source));
    bool there = false;
    MUST(client.script_exists("cpp.math", there));
    TRUE(there);
    std::string back;
    MUST(client.get_script("cpp.math", back));
    TRUE(back == source);
    const std::vector<float> a{5, 7}, b{1, 2};
    std::vector<float> out(2);
    MUST(client.put_tensor("a", {2}, a));
    MUST(client.put_tensor("b", {2}, b));
    MUST(client.run_script("cpp.math", "add_one", {"a"}, {"c"}));
    MUST(client.get_tensor("c", out));
    TRUE(out[0] == 6 && out[1] == 8);
    MUST(client.run_script("cpp.math", "sum_and_difference", {"a", "b"}, {"sum", "difference"}));
    MUST(client.get_tensor("sum", out));
    TRUE(out[0] == 6 && out[1] == 9);
    MUST(client.get_tensor("difference", out));
    TRUE(out[0] == 4 && out[1] == 5);
    ClientStatus s = client.run_script("cpp.math", "fail", {"a"}, {"c"});
    TRUE(s.code() == ClientStatus::Code::server && s.message().find("never works") != std::string::npos);
    s = client.run_script("cpp.math", "missing", {"a"}, {"c"});
    TRUE(s.code() == ClientStatus::Code::server && s.message().find("AI.SCRIPTRUN cpp.math") == 0);
    TRUE(client.run_script("cpp.math", "add_one", {}, {"c"}).code() == ClientStatus::Code::usage);
    TRUE(client.set_script("cpp.bad", "this is no script").code() == ClientStatus::Code::server);
    TRUE(client.set_script("cpp.bad", "").code() == ClientStatus::Code::usage);
    MUST(client.delete_tensors({"a", "b", "c", "sum", "difference"}));
    MUST(client.tensor_exists("difference", there));
    TRUE(!there);
    MUST(client.delete_script("cpp.math"));
    TRUE(client.delete_script("cpp.math").code() == ClientStatus::Code::server);
    std::puts("done");
}
CPP
    g++ -std=c++20 -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror -I. script.cpp -o script-cpp "${link[@]}"
    well ./script-cpp
}

@test "C: scripts are stored, run, read back, deleted" {
    cat >script.c <<'C'
#include "inferclient.h"
#include <stdio.h>
#include <string.h>
#define MUST(call) do { if ((call) != INFERCLIENT_OK) { printf("line %d: %s\n", __LINE__, inferclient_error(c)); return 1; } } while (0)
#define TRUE(what) do { if (!(what)) { printf("line %d: %s\n", __LINE__, #what); return 1; } } while (0)
int main(void) {
    inferclient *c = NULL;
    MUST(inferclient_connect(&c, NULL, 0));
    MUST(inferclient_set_script_from_file(c, "c.math", "math.py", "CPU"));
    MUST(inferclient_set_script(c, "c.other", "def half(x: Tensor) -> Tensor:\n    return x / 2\n", NULL));
    int there = 0;
    MUST(inferclient_script_exists(c, "c.other", &there));
    TRUE(there == 1);
    char source[100];
    size_t length = 0;
    MUST(inferclient_get_script(c, "c.other", source, sizeof source, &length));
    TRUE(length == strlen(source) && strstr(source, "x / 2") != NULL);
    TRUE(inferclient_get_script(c, "c.other", source, length, &length) == INFERCLIENT_USAGE && length == strlen(source));
    const int64_t shape[] = {2};
    const float a[] = {5, 7}, b[] = {1, 2};
    const inferclient_tensor ta = {"a", INFERCLIENT_FLOAT32, 1, shape, a}, tb = {"b", INFERCLIENT_FLOAT32, 1, shape, b};
    MUST(inferclient_put_tensor(c, &ta));
    MUST(inferclient_put_tensor(c, &tb));
    const char *inputs[] = {"a", "b"}, *outputs[] = {"s", "d"};
    MUST(inferclient_run_script(c, "c.math", "sum_and_difference", inputs, 2, outputs, 2, 0));
    float out[2];
    MUST(inferclient_get_tensor(c, "d", INFERCLIENT_FLOAT32, out, sizeof out));
    TRUE(out[0] == 4 && out[1] == 5);
    TRUE(inferclient_run_script(c, "c.math", NULL, inputs, 2, outputs, 2, 0) == INFERCLIENT_USAGE);
    TRUE(inferclient_set_script_from_file(c, "c.math", "missing.py", NULL) == INFERCLIENT_USAGE);
    const char *keys[] = {"a", "b", "s", "d"};
    MUST(inferclient_delete_tensors(c, keys, 4));
    TRUE(inferclient_delete_tensors(c, keys, 0) == INFERCLIENT_USAGE);
    MUST(inferclient_tensor_exists(c, "s", &there));
    TRUE(there == 0);
    MUST(inferclient_delete_script(c, "c.math"));
    MUST(inferclient_delete_script(c, "c.other"));
    inferclient_free(c);
    puts("done");
    return 0;
}
C
    gcc -std=c11 -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wstrict-prototypes -Werror -I. script.c -o script-c "${link[@]}"
    well ./script-c
}

@test "Fortran: scripts are stored, run, read back, deleted" {
    cat >script.f90 <<'F'
program scripts
   use inferclient
   implicit none
   type(inference_client) :: client
   real :: a(2) = [5., 7.], b(2) = [1., 2.], out(2)
   character(len=:), allocatable :: source
   logical :: there
   call must(client%connect())
   call must(client%set_script_from_file("f.math", "math.py"))
   call must(client%set_script("f.other", "def half(x: Tensor) -> Tensor:"//new_line("a")//"    return x / 2"//new_line("a")))
   call must(client%script_exists("f.other", there))
   if (.not. there) error stop "f.other"
   call must(client%get_script("f.other", source))
   if (index(source, "x / 2") == 0) error stop "source"
   call must(client%put_tensor("a", a))
   call must(client%put_tensor("bb", b))
   call must(client%run_script("f.math", "sum_and_difference", ["a ", "bb"], ["s", "d"]))
   call must(client%get_tensor("d", out))
   if (any(abs(out - [4., 5.]) > 1e-6)) error stop "d"
   if (client%run_script("f.math", "fail", ["a"], ["s"]) /= INFER_SERVER) error stop "fail"
   if (index(client%message(), "never works") == 0) error stop "message"
   call must(client%delete_tensors(["a ", "bb", "s ", "d "]))
   call must(client%tensor_exists("bb", there))
   if (there) error stop "bb"
   call must(client%delete_script("f.math"))
   call must(client%delete_script("f.other"))
   print '(a)', "done"
contains
   subroutine must(code)
      integer, intent(in) :: code
      if (code == INFER_OK) return
      print '(a)', client%message()
      error stop 1
   end subroutine
end program
F
    gfortran -std=f2018 -Wall -Wextra -fcheck=all,no-array-temps inferclient.f90 script.f90 -o script-f "${link[@]}"
    well ./script-f
}

@test "C++: several steps in one command; nothing is left but what persists" {
    cat >dag.cpp <<'CPP'
#include "inferclient.hpp"
#include <cstdio>
#include <fstream>
#include <iterator>
using namespace inferstep;
#define MUST(call) if (ClientStatus must = (call); !must) { std::printf("line %d: %s\n", __LINE__, must.message().c_str()); return 1; }
#define TRUE(what) if (!(what)) { std::printf("line %d: %s\n", __LINE__, #what); return 1; }
#define SAYS(status, words) { const ClientStatus said = (status); if (said || said.message().find(words) == std::string::npos) { std::printf("line %d: %s\n", __LINE__, said.message().c_str()); return 1; } }
int main() {
    std::ifstream in("math.py"), file("double.pt", std::ios::binary);
    const std::string source{std::istreambuf_iterator<char>(in), {}}, model{std::istreambuf_iterator<char>(file), {}};
    Client client;
    MUST(client.connect());
    MUST(client.set_script("math", source));
    MUST(client.set_model("double", std::as_bytes(std::span(model))));
    std::vector<float> x{1, 2}, y(2), z(2);
    Dag dag;
    dag.put("x", {2}, x).run_script("math", "add_one", {"x"}, {"p"}).run_model("double", {"p"}, {"y"}).get("y", y);
    for (int i = 0; i < 3; ++i) {
        x[0] = float(i);
        MUST(client.run(dag));
        TRUE(y[0] == 2 * (float(i) + 1) && y[1] == 6);
    }
    std::string keys;
    MUST(client.command({"DBSIZE"}, keys));
    TRUE(keys == "2");
    MUST(client.put_tensor("stored", {2}, x));
    MUST(client.run(Dag().load("stored").persist("kept").run_script("math", "sum_and_difference", {"stored", "stored"}, {"kept", "gone"}).get("gone", z)));
    TRUE(z[0] == 0 && z[1] == 0);
    MUST(client.get_tensor("kept", z));
    TRUE(z[0] == 4 && z[1] == 4);
    bool there = true;
    MUST(client.tensor_exists("gone", there));
    TRUE(!there);
    y = {-1, -1};
    SAYS(client.run(Dag().put("x", {2}, x).run_script("math", "fail", {"x"}, {"p"}).run_model("double", {"p"}, {"y"}).get("y", y)), "step 2 of 4, AI.SCRIPTEXECUTE math: database");
    TRUE(y[0] == -1);
    SAYS(client.run(Dag().put("x", {2}, x).run_model("nothing", {"x"}, {"y"})), "AI.");
    SAYS(client.run(Dag().load("nowhere").run_model("double", {"nowhere"}, {"y"})), "AI.DAGEXECUTE");
    std::vector<double> wide(2);
    SAYS(client.run(Dag().put("x", {2}, x).run_model("double", {"x"}, {"y"}).get("y", wide)), "FLOAT");
    MUST(client.delete_tensors({"stored", "kept"}));
    std::puts("done");
}
CPP
    g++ -std=c++20 -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror -I. dag.cpp -o dag-cpp "${link[@]}"
    redis-cli -s "$DB_SOCKET" flushall
    redis-cli -s "$DB_SOCKET" config resetstat
    well ./dag-cpp
    # Four steps were one command.
    [ "$(redis-cli -s "$DB_SOCKET" info commandstats | grep -c cmdstat_ai.modelexecute)" = 0 ]
}

@test "C: several steps in one command" {
    cat >dag.c <<'C'
#include "inferclient.h"
#include <stdio.h>
#include <string.h>
#define MUST(call) do { if ((call) != INFERCLIENT_OK) { printf("line %d: %s\n", __LINE__, inferclient_error(c)); return 1; } } while (0)
#define TRUE(what) do { if (!(what)) { printf("line %d: %s\n", __LINE__, #what); return 1; } } while (0)
int main(void) {
    inferclient *c = NULL;
    MUST(inferclient_connect(&c, NULL, 0));
    MUST(inferclient_set_script_from_file(c, "math", "math.py", NULL));
    MUST(inferclient_set_model_from_file(c, "double", "double.pt", NULL, 0));
    const int64_t shape[] = {2};
    float x[] = {1, 2}, y[2];
    const inferclient_tensor tx = {"x", INFERCLIENT_FLOAT32, 1, shape, x};
    const char *in[] = {"x"}, *middle[] = {"p"}, *out[] = {"y"};
    inferclient_dag *dag = inferclient_dag_new();
    inferclient_dag_put_tensor(dag, &tx);
    inferclient_dag_run_script(dag, "math", "add_one", in, 1, middle, 1);
    inferclient_dag_run_model(dag, "double", middle, 1, out, 1);
    inferclient_dag_get_tensor(dag, "y", INFERCLIENT_FLOAT32, y, sizeof y);
    for (int i = 0; i < 3; ++i) {
        x[1] = (float)i;
        MUST(inferclient_dag_run(c, dag, 5000));
        TRUE(y[0] == 4 && y[1] == 2 * ((float)i + 1));
    }
    inferclient_dag_free(dag);
    MUST(inferclient_put_tensor(c, &tx));
    dag = inferclient_dag_new();
    inferclient_dag_load(dag, "x");
    inferclient_dag_persist(dag, "y");
    inferclient_dag_run_model(dag, "double", in, 1, out, 1);
    MUST(inferclient_dag_run(c, dag, 0));
    MUST(inferclient_get_tensor(c, "y", INFERCLIENT_FLOAT32, y, sizeof y));
    TRUE(y[0] == 2 && y[1] == 4);
    inferclient_dag_put_tensor(dag, NULL);
    TRUE(inferclient_dag_run(c, dag, 0) == INFERCLIENT_USAGE && strstr(inferclient_error(c), "a tensor needs") != NULL);
    TRUE(inferclient_dag_run(c, NULL, 0) == INFERCLIENT_USAGE);
    inferclient_dag_free(dag);
    inferclient_dag_free(NULL);
    inferclient_dag_load(NULL, "x");
    inferclient_free(c);
    puts("done");
    return 0;
}
C
    gcc -std=c11 -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wstrict-prototypes -Werror -I. dag.c -o dag-c "${link[@]}"
    well ./dag-c
}

@test "Fortran: several steps in one command" {
    cat >dag.f90 <<'F'
program steps
   use inferclient
   implicit none
   type(inference_client) :: client
   type(inference_dag) :: dag, other
   real, target :: x(2, 3), y(2, 3)
   integer :: i
   call must(client%connect())
   call must(client%set_script_from_file("math", "math.py"))
   call must(client%set_model_from_file("double", "double.pt"))
   x = reshape([1., 2., 3., 4., 5., 6.], [2, 3])
   call dag%put_tensor("x", x)
   call dag%run_script("math", "add_one", ["x"], ["p"])
   call dag%run_model("double", ["p"], ["y"])
   call dag%get_tensor("y", y)
   do i = 1, 3
      x(1, 1) = real(i)
      call must(client%run(dag))
      if (any(abs(y - 2*(x + 1)) > 1e-6)) error stop "y"
   end do
   call must(client%put_tensor("x", x))
   call other%load("x")
   call other%persist("y")
   call other%run_model("double", ["x"], ["y"])
   call must(client%run(other, 5000))
   call must(client%get_tensor("y", y))
   if (any(abs(y - 2*x) > 1e-6)) error stop "persisted y"
   call other%run_script("math", "fail", ["x"], ["z"])
   if (client%run(other) /= INFER_SERVER) error stop "fail"
   if (index(client%message(), "step 2 of 2, AI.SCRIPTEXECUTE math") == 0) error stop "message"
   print '(a)', "done"
contains
   subroutine must(code)
      integer, intent(in) :: code
      if (code == INFER_OK) return
      print '(a)', client%message()
      error stop 1
   end subroutine
end program
F
    gfortran -std=f2018 -Wall -Wextra -fcheck=all,no-array-temps inferclient.f90 dag.f90 -o dag-f "${link[@]}"
    well ./dag-f
}
