#!/usr/bin/env bats
# The client library's shared memory, from C++, C and Fortran programs as a user writes them.

load ../lib/db

setup() {
    DB_DIR=$(mktemp -d)
    export DB_DIR LIBRARY_WORK=$DB_DIR/library
    shared_start
    mkdir "$LIBRARY_WORK"
    cd "$LIBRARY_WORK" || return 1
    export SSDB=unix://$DB_SOCKET LD_LIBRARY_PATH=$BUILD/lib
    cp "$INFERSTEP_TOP"/runtime/db/client/{inferclient.{hpp,h,f90},*.inc} "$LIBRARY_WORK"
    cat >"$LIBRARY_WORK/user.hpp" <<'CPP'
#include "inferclient.hpp"
#include <unistd.h>
#include <sys/wait.h>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <numeric>
using namespace inferstep;
#define MUST(call) if (ClientStatus must = (call); !must) { std::printf("line %d: %s\n", __LINE__, must.message().c_str()); std::exit(1); }
#define TRUE(what) if (!(what)) { std::printf("line %d: %s\n", __LINE__, #what); std::exit(1); }
inline const std::vector<std::int64_t> kShape{1, 3, 224, 224};
inline std::vector<float> image(float first) { std::vector<float> v(3 * 224 * 224); std::iota(v.begin(), v.end(), first); return v; }
// The value of a field of our section of INFO.
inline long field(Client& client, const std::string& name) {
    std::string text;
    MUST(client.info(text, "inferdb"));
    const auto at = text.find("inferdb_" + name + ":");
    TRUE(at != std::string::npos);
    return std::atol(text.c_str() + at + name.size() + 9);
}
CPP
}
shared_start() { db_start TPQ 1 THREADS 1 DEVICE cpu ARENA 268435456 ARENASOCKET "$DB_DIR/db.arena"; }
teardown() { db_stop; }
link=(-L"$BUILD/lib" -linferclient)
build() { g++ -std=c++20 -Wall -Wextra -Werror -I"$LIBRARY_WORK" "$1.cpp" -o "$1" "${link[@]}"; }

@test "C++: puts and gets go through shared memory, and others see them at once" {
    cat >puts.cpp <<'CPP'
#include "user.hpp"
int main() {
    Client client, other;
    MUST(client.connect()); MUST(other.connect());
    const long before = field(other, "arena_puts");
    std::vector<float> back(3 * 224 * 224);
    for (int turn = 0; turn < 200; ++turn) {
        const auto values = image(static_cast<float>(turn));
        MUST(client.put_tensor("x", kShape, values));
        if (turn % 20 == 0) {
            MUST(other.get_tensor("x", back));
            TRUE(back == values);
            MUST(client.get_tensor("x", back));
            TRUE(back == values);
        }
    }
    TRUE(field(other, "arena_puts") - before == 199);     // the first one went by the socket
    TRUE(field(other, "arena_clients") == 1);
    const std::vector<double> few{1.5, 2.5};
    MUST(client.put_tensor("few", {2}, few));             // small ones too, now that there is an arena
    TRUE(field(other, "arena_puts") - before == 200);
    const std::vector<std::int64_t> whole(5000, -7);
    std::vector<std::int64_t> whole_back(5000);
    MUST(client.put_tensor("whole", {50, 100}, whole));
    MUST(client.get_tensor("whole", whole_back));
    TRUE(whole == whole_back);
    const bool flags[] = {true, false};
    MUST(client.put_tensor("flags", {2}, flags));         // a type that goes by the socket
    bool flags_back[2] = {};
    MUST(other.get_tensor("flags", flags_back));
    TRUE(flags_back[0] && !flags_back[1]);
    std::string answer;
    MUST(other.command({"SET", "text", "hello"}, answer));
    MUST(client.put_tensor("text", {2}, few));            // refused, but it has returned …
    MUST(client.put_tensor("y", {2}, few));
    ClientStatus s = client.run_model("none", {"y"}, {"z"});
    TRUE(s.code() == ClientStatus::Code::server && s.message().find("AI.TENSORSET text: WRONGTYPE") != std::string::npos);
    s = client.run_model("none", {"y"}, {"z"});           // … and is told of once
    TRUE(s.message().find("model key is empty") != std::string::npos);
    bool there = false;
    MUST(client.tensor_exists("y", there));
    TRUE(there);
    MUST(client.delete_tensor("x"));
    MUST(other.tensor_exists("x", there));
    TRUE(!there);
}
CPP
    build puts
    ./puts
    # The same program's client without: nothing is put by arena
    run env INFER_ARENA=no ./puts
    [ "$status" = 1 ]
    [[ "$output" == *'arena_puts'* ]]
}

@test "C++: tensors written in place, more of them than fit, and larger than the arena" {
    cat >place.cpp <<'CPP'
#include "user.hpp"
int main() {
    Client client, other;
    MUST(client.connect()); MUST(other.connect());
    std::vector<float> back(3 * 224 * 224);
    // 120 tensors of 600 kB stay: the arena grows, and what lay in the old one is still there
    for (int n = 0; n < 120; ++n) {
        std::span<float> room;
        MUST(client.reserve_tensor(kShape, room));
        TRUE(room.size() == back.size() && reinterpret_cast<std::uintptr_t>(room.data()) % 64 == 0);
        std::iota(room.begin(), room.end(), static_cast<float>(n));
        MUST(client.commit_tensor("t" + std::to_string(n), room.data()));
    }
    for (int n = 0; n < 120; ++n) {
        MUST(other.get_tensor("t" + std::to_string(n), back));
        TRUE(back == image(static_cast<float>(n)));
    }
    TRUE(field(other, "arena_puts") >= 100);
    // larger than the quota: by the socket, and nobody notices
    std::vector<float> huge(80 << 20, 3.0F), huge_back(80 << 20);
    MUST(client.put_tensor("huge", {80 << 20}, huge));
    MUST(other.get_tensor("huge", huge_back));
    TRUE(huge_back == huge);
    void* data = nullptr;
    const std::int64_t shape[] = {80 << 20};
    MUST(client.reserve_tensor(TensorType::float32, shape, data));
    std::memset(data, 0, std::size_t{320} << 20);
    MUST(client.commit_tensor("huge", data));
    MUST(other.get_tensor("huge", huge_back));
    TRUE(huge_back[5] == 0);
    // given back, or asked for in vain
    std::span<double> room;
    MUST(client.reserve_tensor({1000}, room));
    MUST(client.discard_tensor(room.data()));
    TRUE(client.discard_tensor(room.data()).code() == ClientStatus::Code::usage);
    TRUE(client.commit_tensor("x", nullptr).code() == ClientStatus::Code::usage);
    TRUE(client.reserve_tensor({0}, room).code() == ClientStatus::Code::usage);
    TRUE(client.reserve_tensor({-1, 2}, room).code() == ClientStatus::Code::usage);
}
CPP
    build place
    ./place
}

@test "C++: a forked child has memory of its own; a killed client's tensors stay" {
    cat >fork.cpp <<'CPP'
#include "user.hpp"
int main() {
    Client client, other;
    MUST(client.connect()); MUST(other.connect());
    MUST(client.put_tensor("a", kShape, image(1)));
    MUST(client.put_tensor("b", kShape, image(2)));
    TRUE(field(other, "arena_clients") == 1);
    const pid_t child = fork();
    if (child == 0) {
        Client own;
        MUST(own.connect());
        MUST(own.put_tensor("c", kShape, image(3)));
        MUST(own.put_tensor("d", kShape, image(4)));
        TRUE(field(own, "arena_clients") == 2);
        kill(getpid(), SIGKILL);
    }
    int status = 0;
    TRUE(waitpid(child, &status, 0) == child && WIFSIGNALED(status));
    while (field(other, "arena_clients") != 1) {
        usleep(1000);
    }
    std::vector<float> back(3 * 224 * 224);
    for (int n = 0; n < 4; ++n) {
        MUST(client.get_tensor(std::string(1, static_cast<char>('a' + n)), back));
        TRUE(back == image(static_cast<float>(n + 1)));
    }
    MUST(client.put_tensor("b", kShape, image(9)));
    MUST(other.get_tensor("b", back));
    TRUE(back == image(9));
}
CPP
    build fork
    ./fork
}

@test "C++: the database is started anew while a client has an arena" {
    cat >anew.cpp <<'CPP'
#include "user.hpp"
int main() {
    Client client;
    MUST(client.connect());
    MUST(client.put_tensor("a", kShape, image(1)));
    MUST(client.put_tensor("b", kShape, image(2)));
    std::span<float> room;
    MUST(client.reserve_tensor(kShape, room));
    std::puts("ready"); std::fflush(stdout);
    std::getchar();
    ClientStatus s = client.put_tensor("c", kShape, image(3));
    if (s) { s = client.ping(); }
    TRUE(s.code() == ClientStatus::Code::connection);
    std::iota(room.begin(), room.end(), 7.0F);            // memory of an arena that is gone
    MUST(client.commit_tensor("d", room.data()));
    std::vector<float> back(3 * 224 * 224);
    MUST(client.get_tensor("d", back));
    TRUE(back == image(7));
    for (int n = 0; n < 5; ++n) { MUST(client.put_tensor("e", kShape, image(8))); }
    TRUE(field(client, "arena_clients") == 1);
}
CPP
    build anew
    mkfifo go
    ./anew <go >anew.log &
    local client=$!
    exec 4>go
    until grep -q ready anew.log; do sleep 0.02; kill -0 "$client"; done
    db_pause
    shared_start
    echo >&4
    exec 4>&-
    wait "$client" || { cat anew.log; false; }
}

@test "C: tensors are written in place" {
    cat >user.c <<'C'
#include "inferclient.h"
#include <stdio.h>
#include <string.h>
#define MUST(call) if ((call) != INFERCLIENT_OK) { printf("line %d: %s\n", __LINE__, inferclient_error(c)); return 1; }
int main(void) {
    inferclient* c = NULL;
    MUST(inferclient_connect(&c, NULL, 0));
    const int64_t shape[] = {100, 100};
    static float back[10000];
    for (int turn = 0; turn < 3; ++turn) {
        void* data = NULL;
        MUST(inferclient_reserve_tensor(c, INFERCLIENT_FLOAT32, 2, shape, &data));
        for (int i = 0; i < 10000; ++i) { ((float*)data)[i] = (float)(i + turn); }
        MUST(inferclient_commit_tensor(c, "c.x", data));
        MUST(inferclient_get_tensor(c, "c.x", INFERCLIENT_FLOAT32, back, sizeof back));
        if (back[9999] != 9999.0F + (float)turn) { return 2; }
        MUST(inferclient_reserve_tensor(c, INFERCLIENT_FLOAT32, 2, shape, &data));
        MUST(inferclient_discard_tensor(c, data));
        if (inferclient_commit_tensor(c, "c.x", data) != INFERCLIENT_USAGE) { return 3; }
    }
    inferclient_free(c);
    return 0;
}
C
    gcc -std=c99 -Wall -Wextra -Werror -pedantic -I. user.c -o user_c "${link[@]}"
    ./user_c
    same_puts=$(db_cli info inferdb | tr -d '\r' | sed -n 's/^inferdb_arena_puts://p')
    [ "$same_puts" -ge 3 ]
}

@test "Fortran: tensors are written in place" {
    cat >user.f90 <<'F90'
program user
   use inferclient
   use, intrinsic :: iso_fortran_env, only: real32, real64
   implicit none
   type(inference_client) :: client
   real(real32), pointer, contiguous :: values(:), image(:, :, :)
   real(real64), pointer, contiguous :: wide(:)
   real(real32) :: back(64, 32, 3)
   integer :: turn
   call must(client%connect())
   do turn = 1, 3
      call must(client%reserve_tensor([64, 32, 3], values))
      image(1:64, 1:32, 1:3) => values
      image = real(turn, real32)
      image(2, 1, 1) = -1.0
      call must(client%commit_tensor("f.x", values))
      if (associated(values)) error stop "the pointer is still there"
      call must(client%get_tensor("f.x", back))
      if (back(2, 1, 1) > 0 .or. nint(back(64, 32, 3)) /= turn) error stop "other values came back"
      call must(client%reserve_tensor([3000], wide))
      call must(client%discard_tensor(wide))
   end do
contains
   subroutine must(code)
      integer, intent(in) :: code
      if (code /= INFER_OK) error stop client%message()
   end subroutine
end program
F90
    gfortran -std=f2018 -Wall -Wextra -Werror inferclient.f90 user.f90 -o user_f "${link[@]}"
    ./user_f
    [ "$(db_cli ai.tensorget f.x meta | tail -n 3 | tr '\n' ' ')" = "3 32 64 " ]
}
