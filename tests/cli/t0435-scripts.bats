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
