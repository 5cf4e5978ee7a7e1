#!/usr/bin/env bats
# bash completion against the programs' own --help: whatever an option is called and takes, it completes.

setup() {
    tmp=$(mktemp -d)
    file=$INFERSTEP_TOP/contrib/completions/inferstep
}
teardown() { rm -rf "$tmp"; }

# What the line completes to, a word a line, as readline would ask for it: complete LINE
complete_line() {
    bash --norc -c '
        compopt() { :; }
        [ -z "${WITH-}" ] || . "$WITH"
        . "$1"
        COMP_LINE=$2 COMP_POINT=${#2} COMP_TYPE=9
        COMP_WORDBREAKS=${BREAKS-" =:"}
        # Readline makes words of their own out of the characters that break words.
        read -ra COMP_WORDS < <(sed "s/[=:]/ & /g" <<<"$2")
        [[ $2 != *[[:space:]=:] ]] || [[ $2 == *[=:] ]] || COMP_WORDS+=("")
        COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
        spec=$(complete -p "${2%% *}") && [[ $spec =~ -F\ ([^ ]+) ]] || exit 1
        "${BASH_REMATCH[1]}" "${2%% *}" "${COMP_WORDS[-1]}" "${COMP_WORDS[-2]}"
        [ "${#COMPREPLY[@]}" = 0 ] || printf "%s\n" "${COMPREPLY[@]}"' _ "$file" "$1"
}
completes() { # line, words…: to exactly these, in any order
    local line=$1
    shift
    diff <(printf '%s\n' "$@" | sed '/^$/d' | sort) <(complete_line "$line" | sort) || { echo "'$line'"; return 1; }
}
# "", "run", "db", "db serve", …: as --help lists them.
subcommands() { # [subcommand]
    local sub
    printf '%s\n' "${1-}"
    # shellcheck disable=SC2086  # words
    for sub in $(inferstep ${1-} --help | sed -n '/^Subcommands:/,$s/^  \([a-z]*\) .*/\1/p'); do subcommands "${1:+$1 }$sub"; done
}
# The left side of the options in --help, which CLI11 writes 28 characters wide, or on a line of its own.
left_sides() { # subcommand
    # shellcheck disable=SC2086  # words
    inferstep $1 --help | sed -nE 's/^  (-.*)/\1/p' | while IFS= read -r line; do
        [[ ${line:26:2} == *" " && ${line:28:1} == [[:alnum:]] ]] && line=${line:0:28}
        printf '%s\n' "$line"
    done
}

@test "every option of every subcommand completes, and nothing else does" {
    [ "$(subcommands | wc -l)" -ge 13 ]
    while read -r sub; do
        expected=$(left_sides "$sub" | grep -oE '^[^ ]+' | sed 's/{[^}]*}//g' | tr , '\n' | grep '^--' | sort)
        [ "$(wc -l <<<"$expected")" -ge 1 ]
        diff <(echo "$expected") <(complete_line "inferstep ${sub:+$sub }--" | sed 's/=$//' | sort) || { echo "'$sub'"; return 1; }
    done < <(subcommands)
}

@test "every list of alternatives in --help completes, behind '=' and behind a blank" {
    local found=0
    while read -r sub; do
        while read -r names values; do
            name=${names##*,}
            # shellcheck disable=SC2086  # words
            completes "inferstep $sub $name=" ${values//|/ }
            # shellcheck disable=SC2086  # words
            completes "inferstep $sub $name " ${values//|/ }
            found=$((found + 1))
        done < <(left_sides "$sub" | grep -oE '^[^ ]+ [a-z0-9]+(\|[a-z0-9]+)+')
    done < <(subcommands)
    [ "$found" -ge 12 ]
}

@test "subcommands, programs, files and folders complete" {
    completes "inferstep d" db
    completes "inferstep db st" standard status
    completes "inferstep run --pin-app=no ls-nothing-is-called-so"
    complete_line "inferstep run --dry-run redis-ser" | grep -x redis-server
    mkdir "$tmp/folder"
    touch "$tmp/file.pt" "$tmp/f ile"
    completes "inferstep run --outdir=$tmp/f" "$tmp/folder"
    completes "inferstep run --outdir $tmp/f" "$tmp/folder"
    completes "inferstep topo --svg=$tmp/fi" "$tmp/file.pt"
    completes "inferstep run --model=net:$tmp/fi" "$tmp/file.pt"
    completes "inferstep run --model net:$tmp/fi" "$tmp/file.pt"
    BREAKS=" " completes "inferstep run --model=net:$tmp/fi" "--model=net:$tmp/file.pt"
    BREAKS=" " completes "inferstep run --device=c" --device=cpu
    mkdir -p "$tmp/steps/12.0" "$tmp/steps/13.1"
    INFER_ATTACH_DIR=$tmp/steps completes "inferstep run --attach=1" 12.0 13.1
    INFER_ATTACH_DIR=$tmp/none completes "inferstep run --attach="
    complete_line "inferstep run --net-ifname l" | grep -x lo
    completes "inferstep run --nonsense="
}

@test "names that are commands are never executed" {
    mkdir -p "$tmp/steps/\$(touch $(basename "$tmp").x).1" "$tmp/\$(touch y)"
    cd "$tmp"
    INFER_ATTACH_DIR=$tmp/steps complete_line 'inferstep run --attach='
    complete_line "inferstep run --outdir=$tmp/"
    complete_line 'inferstep $(touch z) --model=a:$(touch z)'
    [ ! -e y ] && [ ! -e z ] && [ ! -e "$(basename "$tmp").x" ]
}

# A srun whose help is what the plugin makes it; a completion that was there before.
pretend_srun() {
    mkdir -p "$tmp/bin"
    printf '#!/bin/sh\ncat <<END\n      --input=in\n      --infer-colocate=N      text\n\n      --infer-device=auto|cpu|gpu\n                              --text\n      --infer-dry-run         text\n      --infer-model=NAME:PATH[,key=value...]\nEND\n' >"$tmp/bin/srun"
    chmod 755 "$tmp/bin/srun"
    PATH=$tmp/bin:$PATH
    echo '_before() { COMPREPLY=(); [[ $2 != --* ]] || COMPREPLY=($(compgen -W "--input= --nodes=" -- "$2")); [[ $2 == --* ]] || COMPREPLY=("before:$1:$2:$3"); }; complete -o filenames -F _before srun' >"$tmp/before"
}

@test "srun keeps what completed it, and learns what the plugin offers" {
    pretend_srun
    export WITH=$tmp/before
    completes "srun --in" --input= --infer-colocate --infer-device= --infer-dry-run --infer-model=
    completes "srun --no" --nodes=
    completes "srun --infer-d" --infer-device= --infer-dry-run
    completes "srun --infer-device=" auto cpu gpu
    completes "srun --infer-device g" gpu
    completes "srun -n 4" "before:srun:4:-n"
    completes "srun --infer-colocate pro" "before:srun:pro:--infer-colocate"
    touch "$tmp/net.pt"
    completes "srun --infer-model=net:$tmp/n" "$tmp/net.pt"
    export WITH=
    completes "srun --in" --infer-colocate --infer-device= --infer-dry-run --infer-model=
    echo 'exit 1' >"$tmp/bin/srun"
    completes "srun --in" # no plugin, no options
}

@test "Slurm's own completion of srun, sbatch and salloc goes on as before" {
    [ -e /usr/share/bash-completion/bash_completion ] || skip "the package bash-completion is not installed"
    [ -e /usr/share/bash-completion/completions/srun ] || skip "Slurm has no completion here"
    pretend_srun
    export WITH=/usr/share/bash-completion/bash_completion
    completes "srun --cpu-b" --cpu-bind=
    completes "srun --infer-device=c" cpu
    complete_line "srun --in" | grep -x -e --input=
    complete_line "srun --in" | grep -x -e --infer-device=
    for command in sbatch salloc; do complete_line "$command --cpu-f" | grep -x -e --cpu-freq=; done
}

@test "in a shell: the start file loads both, and a tab completes" {
    [ -e /usr/share/bash-completion/completions/srun ] || skip "Slurm has no completion here"
    pretend_srun
    sed "s,@completions@,$INFERSTEP_TOP/contrib/completions," "$INFERSTEP_TOP/contrib/completions/slurm" >"$tmp/start"
    BASH_COMPLETION_COMPAT_DIR=/nonexistent timeout 60 python3 - "$tmp/start" <<'EOP'
import os, pty, select, sys, time
pid, fd = pty.fork()
if pid == 0:
    os.execvp("bash", ["bash", "--norc", "--noprofile", "-i"])
def until(text):
    seen, end = b"", time.monotonic() + 20
    while text.encode() not in seen:
        if time.monotonic() > end or not select.select([fd], [], [], 20)[0]:
            sys.exit(f"no {text!r} in {seen!r}")
        seen += os.read(fd, 4096)
def say(text):
    os.write(fd, text.encode())
say(f"PS1=; bind 'set bell-style none'; . /usr/share/bash-completion/bash_completion; . {sys.argv[1]}; echo rea''dy\n")
until("ready")
for line, whole in (("srun --infer-dev\t", "--infer-device="), ("c\t", "cpu "), ("--cpu-bin\t", "--cpu-bind=")):
    say(line)
    until(whole)
EOP
}
