#!/usr/bin/env bats
# The client library as a user's program meets it: built with nothing but the installed headers, against a database.

load ../lib/db

setup_file() {
    db_start TPQ 1 THREADS 1
    export LIBRARY_WORK=$DB_DIR/library
    mkdir "$LIBRARY_WORK"
    cp "$INFERSTEP_TOP"/runtime/db/client/{inferclient.{hpp,h,f90},*.inc} "$LIBRARY_WORK"
    inferstep model resnet18 -o "$LIBRARY_WORK/net.pt" --classes 5
}
teardown_file() { db_stop; }
setup() {
    cd "$LIBRARY_WORK" || return 1
    export SSDB=unix://$DB_SOCKET LD_LIBRARY_PATH=$BUILD/lib
}
link=(-L"$BUILD/lib" -linferclient)

@test "C++: every call, with the header alone" {
    cat >user.cpp <<'CPP'
#include "inferclient.hpp"
#include <cstdio>
#include <fstream>
#include <iterator>
using namespace inferstep;
#define MUST(call) if (ClientStatus must = (call); !must) { std::printf("line %d: %s\n", __LINE__, must.message().c_str()); return 1; }
#define TRUE(what) if (!(what)) { std::printf("line %d: %s\n", __LINE__, #what); return 1; }
int main() {
    Client client;
    MUST(client.connect());
    const std::int64_t shape[] = {2, 3};
    const std::vector<std::int64_t> values{1, -2, 3, -4, 5, -6};
    MUST(client.put_tensor("cpp.x", shape, values));
    std::vector<std::int64_t> back(6);
    MUST(client.get_tensor("cpp.x", back));
    TRUE(back == values);
    Tensor any;
    MUST(client.get_tensor("cpp.x", any));
    TRUE(any.type == TensorType::int64 && any.shape.size() == 2 && any.shape[0] == 2 && any.data.size() == 48);
    const bool flags[] = {true, false, true};
    MUST(client.put_tensor("cpp.flags", {3}, flags));
    bool flags_back[3] = {};
    MUST(client.get_tensor("cpp.flags", flags_back));
    TRUE(flags_back[0] && !flags_back[1] && flags_back[2]);
    std::ifstream in("net.pt", std::ios::binary);
    const std::vector<char> file{std::istreambuf_iterator<char>(in), {}};
    MUST(client.set_model("cpp.net", std::as_bytes(std::span(file))));
    bool there = false;
    MUST(client.model_exists("cpp.net", there));
    TRUE(there);
    std::vector<std::byte> copy;
    MUST(client.get_model("cpp.net", copy));
    TRUE(copy.size() == file.size());
    const std::vector<float> image(3 * 64 * 64, 0.5F);
    const std::int64_t image_shape[] = {1, 3, 64, 64};
    MUST(client.put_tensor("cpp.in", image_shape, image));
    MUST(client.run_model("cpp.net", {"cpp.in"}, {"cpp.out"}));
    std::vector<float> scores(5), again(5);
    MUST(client.get_tensor("cpp.out", scores));
    MUST(client.infer("cpp.net", {"cpp.in", TensorType::float32, image_shape, image.data()},
                      {"cpp.out", TensorType::float32, again.data(), 20}));
    TRUE(scores == again && scores[0] != scores[1]);
    MUST(client.delete_tensor("cpp.x"));
    MUST(client.tensor_exists("cpp.x", there));
    TRUE(!there);
    MUST(client.delete_model("cpp.net"));
    const ClientStatus s = client.run_model("cpp.net", {"cpp.in"}, {"cpp.out"});
    TRUE(s.code() == ClientStatus::Code::server);
    std::string text;
    MUST(client.info(text));
    TRUE(text.find("redis_version") != std::string::npos);
    MUST(client.command({"EXISTS", "cpp.in"}, text));
    TRUE(text == "1");
    std::puts("done");
}
CPP
    g++ -std=c++20 -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror -I. user.cpp -o user-cpp "${link[@]}"
    run ./user-cpp
    [ "$output" = "done" ] || { echo "$output"; return 1; }
}

@test "C: every call, with the header alone and a strict compiler" {
    cat >user.c <<'C'
#include "inferclient.h"
#include <stdio.h>
#include <string.h>
#define MUST(call) do { if ((call) != INFERCLIENT_OK) { printf("line %d: %s\n", __LINE__, inferclient_error(c)); return 1; } } while (0)
#define TRUE(what) do { if (!(what)) { printf("line %d: %s\n", __LINE__, #what); return 1; } } while (0)
int main(void) {
    inferclient *c = NULL;
    TRUE(inferclient_connect(&c, "unix:///nowhere.sock", 1000) == INFERCLIENT_CONNECTION);
    TRUE(strstr(inferclient_error(c), "/nowhere.sock") != NULL);
    inferclient_free(c);
    inferclient_free(NULL);
    TRUE(inferclient_ping(NULL) == INFERCLIENT_USAGE && inferclient_error(NULL)[0] != '\0');
    MUST(inferclient_connect(&c, NULL, 0));
    MUST(inferclient_ping(c));
    const int64_t shape[] = {1, 3, 64, 64};
    static float image[3 * 64 * 64];
    for (size_t i = 0; i < 3 * 64 * 64; ++i) image[i] = (float)i / 1e4F;
    const inferclient_tensor tensor = {"c.in", INFERCLIENT_FLOAT32, 4, shape, image};
    MUST(inferclient_put_tensor(c, &tensor));
    static float back[3 * 64 * 64];
    MUST(inferclient_get_tensor(c, "c.in", INFERCLIENT_FLOAT32, back, sizeof back));
    TRUE(memcmp(image, back, sizeof back) == 0);
    TRUE(inferclient_get_tensor(c, "c.in", INFERCLIENT_FLOAT64, back, sizeof back) == INFERCLIENT_MISMATCH);
    TRUE(inferclient_get_tensor(c, "c.missing", INFERCLIENT_FLOAT32, back, sizeof back) == INFERCLIENT_SERVER);
    TRUE(inferclient_set_model_from_file(c, "c.net", "missing.pt", "CPU", 0) == INFERCLIENT_USAGE);
    TRUE(strstr(inferclient_error(c), "missing.pt") != NULL);
    MUST(inferclient_set_model_from_file(c, "c.net", "net.pt", "CPU", 4));
    int there = 0;
    MUST(inferclient_model_exists(c, "c.net", &there));
    TRUE(there == 1);
    const char *inputs[] = {"c.in"}, *outputs[] = {"c.out"};
    MUST(inferclient_run_model(c, "c.net", inputs, 1, outputs, 1, 0));
    TRUE(inferclient_error(c)[0] == '\0');
    float scores[5], again[5];
    MUST(inferclient_get_tensor(c, "c.out", INFERCLIENT_FLOAT32, scores, sizeof scores));
    MUST(inferclient_infer(c, "c.net", &tensor, "c.out", INFERCLIENT_FLOAT32, again, sizeof again, 5000));
    TRUE(memcmp(scores, again, sizeof scores) == 0);
    TRUE(inferclient_run_model(c, "c.net", inputs, 0, outputs, 1, 0) == INFERCLIENT_USAGE);
    TRUE(inferclient_put_tensor(c, NULL) == INFERCLIENT_USAGE);
    MUST(inferclient_delete_tensor(c, "c.in"));
    MUST(inferclient_tensor_exists(c, "c.in", &there));
    TRUE(there == 0);
    MUST(inferclient_delete_model(c, "c.net"));
    inferclient_free(c);
    puts("done");
    return 0;
}
C
    gcc -std=c11 -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wstrict-prototypes -Werror -I. user.c -o user-c "${link[@]}"
    run ./user-c
    [ "$output" = "done" ] || { echo "$output"; return 1; }
}

@test "Fortran: every call; shapes are reversed, nothing is transposed" {
    cat >user.f90 <<'F'
program user
   use inferclient
   use, intrinsic :: iso_fortran_env
   implicit none
   type(inference_client) :: client
   real(real32) :: image(64, 64, 3, 1), image_back(64, 64, 3, 1), scores(5, 1), again(5, 1)
   real(real64) :: matrix(2, 3), matrix_back(2, 3), number
   integer(int32) :: cube(2, 3, 4), cube_back(2, 3, 4)
   integer(int64) :: list(6), list_back(6)
   logical :: there
   integer :: i
   call want(client%ping() == INFER_USAGE, "ping before connect")
   call want(client%connect("unix:///nowhere.sock") == INFER_CONNECTION, "connect to nobody")
   call want(index(client%message(), "/nowhere.sock") > 0, "message of connect")
   call must(client%connect())
   call random_number(image)
   call must(client%put_tensor("f.image", image))
   call must(client%get_tensor("f.image", image_back))
   call want(all(image == image_back), "image")
   matrix = reshape([(real(i, real64), i=1, 6)], [2, 3])
   call must(client%put_tensor("f.matrix  ", matrix))
   call must(client%get_tensor("f.matrix", matrix_back))
   call want(all(matrix == matrix_back), "matrix")
   call must(client%put_tensor("f.row", matrix(2, :)))      ! not contiguous
   call must(client%get_tensor("f.row", matrix_back(1, :)))
   call want(all(matrix_back(1, :) == matrix(2, :)), "row")
   call must(client%put_tensor("f.number", 2.5_real64))
   call must(client%get_tensor("f.number", number))
   call want(number == 2.5_real64, "number")
   cube = reshape([(i, i=1, 24)], [2, 3, 4])
   call must(client%put_tensor("f.cube", cube))
   call must(client%get_tensor("f.cube", cube_back))
   call want(all(cube == cube_back), "cube")
   list = [(2_int64**40 + i, i=1, 6)]
   call must(client%put_tensor("f.list", list))
   call must(client%get_tensor("f.list", list_back))
   call want(all(list == list_back), "list")
   call want(client%get_tensor("f.list", matrix) == INFER_MISMATCH, "another type")
   call want(all(matrix == reshape([(real(i, real64), i=1, 6)], [2, 3])), "is left as it was")
   call want(client%get_tensor("f.missing", matrix) == INFER_SERVER, "missing")
   call must(client%set_model_from_file("f.net", "net.pt"))
   call must(client%model_exists("f.net", there))
   call want(there, "model exists")
   call must(client%run_model("f.net", ["f.image"], ["f.scores"]))
   call must(client%get_tensor("f.scores", scores))
   call must(client%infer("f.net", "f.image", image, "f.again", again, timeout_ms=5000))
   call want(all(scores == again), "infer")
   call must(client%delete_tensor("f.list"))
   call must(client%tensor_exists("f.list", there))
   call want(.not. there, "deleted")
   call must(client%delete_model("f.net"))
   print '(a)', "done"
contains
   subroutine must(code)
      integer, intent(in) :: code
      if (code == INFER_OK) return
      print '(a)', client%message()
      error stop 1
   end subroutine
   subroutine want(holds, what)
      logical, intent(in) :: holds
      character(len=*), intent(in) :: what
      if (holds) return
      print '(a)', "not so: "//what
      error stop 1
   end subroutine
end program
F
    gfortran -std=f2018 -Wall -Wextra -Wno-compare-reals -fcheck=all,no-array-temps inferclient.f90 user.f90 -o user-f "${link[@]}"
    run ./user-f
    [ "$output" = "done" ] || { echo "$output"; return 1; }
    [ "$(redis-cli -s "$DB_SOCKET" ai.tensorget f.cube meta | tr '\n' ' ')" = "dtype INT32 shape 4 3 2 " ]
    [ "$(redis-cli -s "$DB_SOCKET" ai.tensorget f.number meta | tr '\n' ' ')" = "dtype DOUBLE shape 1 " ]
    # What is contiguous in Fortran is contiguous in the tensor: the row 1 2 of the last dimension comes first.
    [ "$(redis-cli -s "$DB_SOCKET" ai.tensorget f.cube values | head -n 3 | tr '\n' ' ')" = "1 2 3 " ]
}

@test "the libraries export the client and nothing else" {
    run bash -c "nm -DC --defined-only '$BUILD/lib/libinferclient.so' | grep -vE ' (inferclient_|inferstep::(Client|Dag)::|inferstep::(name|bytes)_of)'"
    [ -z "$output" ] || { echo "$output"; return 1; }
    [ "$(objdump -p "$BUILD/lib/libinferclient.so" | awk '/SONAME/ {print $2}')" = libinferclient.so.0 ]
    g++ -std=c++20 -I. user.cpp -o user-static "$BUILD/lib/libinferclient.a" -lhiredis
    run ./user-static
    [ "$output" = "done" ]
}
