#!/usr/bin/env bats
# Battery files: every mistake in one is told in one sentence with file, line and key, before anything runs.

setup() {
    tmp=$(mktemp -d)
    cd "$tmp" || return 1
}
teardown() { rm -rf "$tmp"; }

plan() { inferstep sweep --dry-run --where=local "$@"; }

# The battery on stdin is refused with exactly these lines: refused ERROR [HINT]
refused() {
    local code=0
    cat >b.yaml
    plan -c b.yaml >out 2>err || code=$?
    [ "$code" = 2 ] || { echo "exit code $code"; cat out err; return 1; }
    [ ! -s out ] || { cat out; return 1; }
    { echo "inferstep: error: $1"; [ -z "${2-}" ] || echo "inferstep: hint: $2"; } | diff - err
}
# A good battery, with lines behind it.
good() { printf 'name: b\ncommand: echo {n} {m}\nmatrix: {n: [1, 2], m: [x]}\n'; printf '%s\n' "$@"; }

quotes='a text with one of {}[],:# in it stands in quotation marks'

@test "malformed YAML and JSON" {
    printf 'name: b\n  command: x\n' | refused 'b.yaml, line 2, column 10: illegal map value' "$quotes"
    printf 'name: b\ncommand: [a, b\n' | refused 'b.yaml, line 2, column 1: end of sequence flow not found' "$quotes"
    printf 'name: b\n\tcommand: x\n' | refused 'b.yaml, line 2, column 1: illegal tab when looking for indentation' "$quotes"
    printf 'name: "b\n' | refused 'b.yaml, line 1, column 9: illegal EOF in scalar' "$quotes"
    printf '{"name": "b",\n "command" "x"}\n' | refused 'b.yaml, line 2, column 12: end of map flow not found' "$quotes"
    printf 'name: b\ncommand: x\n---\nname: c\n' | refused 'b.yaml, line 4: a second document begins here; one is right'
    good 'repeats: 2' 'repeats: 3' | refused 'b.yaml, line 5: repeats: the key stands there twice; once is right'
    good 'time_limit: "\0"' | refused 'b.yaml, line 4: time_limit: a text without control characters is right'
    printf '' | refused 'b.yaml, line 1: keys with values are right: name, kind, command, script, matrix, include, exclude, repeats, warmups, order, seed, prepare, environment, step, database, time_limit, estimate, metrics, report, on_failure, slurm'
    run plan -c nowhere.yaml
    [ "$status" = 2 ]
    [[ $output == *"nowhere.yaml"* && ${#lines[@]} = 1 ]]
    head -c 3000 /dev/urandom >b.yaml
    run plan -c b.yaml
    [ "$status" = 2 ]
    [[ $output == "inferstep: error: b.yaml, line "* ]]
}

@test "unknown keys, with what may be meant" {
    good 'repeat: 2' | refused 'b.yaml, line 4: repeat: there is no such key' 'did you mean repeats?'
    good 'step:' '  nodse: 2' | refused 'b.yaml, line 5: step.nodse: there is no such key' 'did you mean nodes?'
    good 'database: {cpus: 2}' | refused 'b.yaml, line 4: database.cpus: there is no such key' \
        'there are nodes, cpus_per_node, hosts, as_job, batch_options, options'
    good 'metrics:' '  - name: a' '    regexp: (x)' |
        refused 'b.yaml, line 6: metrics[1].regexp: there is no such key' 'did you mean regex?'
    good 'report: {serie: [n]}' | refused 'b.yaml, line 4: report.serie: there is no such key' 'did you mean series?'
}

@test "empty lists, and values that are none" {
    printf 'name: b\ncommand: x\nmatrix:\n  n: []\n' |
        refused 'b.yaml, line 4: matrix.n: the list is empty; one of values at least is right, or no such key'
    printf 'name: b\ncommand: []\n' |
        refused 'b.yaml, line 2: command: the list is empty; one of words at least is right, or no such key'
    good 'include: []' | refused 'b.yaml, line 4: include: the list is empty; one of entries at least is right, or no such key'
    good 'metrics: []' | refused 'b.yaml, line 4: metrics: a list of metrics is right, each with a name and regex, csv or json'
    printf 'name: b\ncommand: x\nmatrix: {}\n' | refused 'b.yaml, line 3: matrix: parameters with a list of values each are right'
    printf 'name: b\ncommand: x\nmatrix: {n: [1, null]}\n' | refused 'b.yaml, line 3: matrix.n[2]: one word or text is right'
    printf 'name: b\ncommand: x\nmatrix: {n: [[1], 2]}\n' | refused 'b.yaml, line 3: matrix.n[1]: one word or text is right'
    printf 'name: b\ncommand: x\nmatrix: {n: ["a\\nb"]}\n' | refused 'b.yaml, line 3: matrix.n[1]: a value of one line is right'
    good 'repeats: 0' | refused 'b.yaml, line 4: repeats: a whole number between 1 and 100000 is right'
    good 'warmups: 1.5' | refused 'b.yaml, line 4: warmups: a whole number between 0 and 1000 is right'
    good 'seed: 99999999999999999999' | refused 'b.yaml, line 4: seed: a whole number between 0 and 9223372036854775807 is right'
    good 'order: shuffled' | refused 'b.yaml, line 4: order: listed or random is right'
    good 'on_failure: ignore' | refused 'b.yaml, line 4: on_failure: continue or stop is right'
    good 'time_limit: 5h' |
        refused 'b.yaml, line 4: time_limit: a time such as 90 (seconds), 05:00, 01:30:00 or 2-12:00:00 is right'
    good 'step: {nodes: -1}' | refused 'b.yaml, line 4: step.nodes: a whole number between 1 and 100000 is right'
    good 'step: {nodes: {n}}' | refused 'b.yaml, line 4: step.nodes: a whole number between 1 and 100000 is right' \
        'a text in braces stands in quotation marks: "{n}"'
    printf 'name: b\nmatrix: {n: [1]}\ncommand: [echo, {n}]\n' | refused 'b.yaml, line 3: command[2]: one word or text is right' \
        'a text in braces stands in quotation marks: "{n}"'
    good 'database: {as_job: maybe}' | refused 'b.yaml, line 4: database.as_job: true or false is right'
    good 'environment: [A=1]' | refused 'b.yaml, line 4: environment: variables with a value each are right'
}

@test "names that are fit for nothing" {
    printf 'name: ../b\ncommand: x\n' | refused "b.yaml, line 1: name: '../b' is no name for a folder; up to 64 letters, digits, '_', '.', '+' and '-' are right, a letter, a digit or '_' first"
    printf 'command: x\n' | refused 'b.yaml, line 1: a battery needs a name, which its folder of results will have'
    printf 'name: b\ncommand: x\nmatrix: {a-b: [1]}\n' |
        refused "b.yaml, line 3: matrix.a-b: 'a-b' is no name for a parameter; up to 64 letters, digits and '_' are right, no digit first"
    printf 'name: b\ncommand: x\nmatrix: {point: [1]}\n' | refused 'b.yaml, line 3: matrix.point: every point has a {point} of ours; another name is right'
    good 'environment: {A B: 1}' | refused "b.yaml, line 4: environment.A B: 'A B' is no name for a variable; letters, digits and '_' are right"
    good 'metrics: [{name: "a,b", regex: (x)}]' | refused "b.yaml, line 4: metrics[1].name: 'a,b' is no name for a metric; letters, digits and _ . - / ( ) % are right"
}

@test "commands: missing, two of them, not a command at all" {
    printf 'name: b\n' | refused 'b.yaml, line 1: a command, or a script, is missing: what every point is to run'
    printf 'name: b\ncommand: x\nscript: y\n' | refused 'b.yaml, line 3: script: there is a command as well; one of the two is right'
    printf 'name: b\ncommand: a | b\n' | refused 'b.yaml, line 2: command: no shell runs the command, so that | means nothing to it' \
        'write it as script, or the word in quotation marks'
    printf "name: b\ncommand: a 'b\n" | refused 'b.yaml, line 2: command: a quotation mark or backslash has no end'
    printf 'name: b\ncommand: ""\n' | refused 'b.yaml, line 2: command: a program and its arguments are right'
}

@test "placeholders that no parameter has" {
    printf 'name: b\ncommand: echo {nodse}\nmatrix: {nodes: [1]}\n' |
        refused 'b.yaml, line 2: command: no parameter is called {nodse}' 'did you mean {nodes}? write {{nodse}} where braces are meant'
    printf "name: b\nscript: |\n  awk '{print}'\n" | refused 'b.yaml, line 2: script: no parameter is called {print}' \
        'did you mean {point}? write {{print}} where braces are meant'
    good 'step:' '  options: ["--x={q}"]' | refused 'b.yaml, line 5: step.options[1]: no parameter is called {q}' 'did you mean {n}? write {{q}} where braces are meant'
    good 'prepare: mkdir {point_dir}' | refused 'b.yaml, line 4: prepare: no parameter is called {point_dir}' 'write {{point_dir}} where braces are meant'
    good 'include: [{n: 3, extra: 1}]' 'environment: {E: "{extra}"}' |
        refused 'b.yaml, line 5: environment: the point n=1 m=x has no {extra}'
    printf 'name: b\ncommand: x\nmatrix: {n: [a]}\nstep:\n  nodes: "{n}"\n' |
        refused "b.yaml, line 5: step.nodes: the point n=a has 'a' here; a whole number between 1 and 100000 is right"
}

@test "points: twice, none, too many" {
    printf 'name: b\ncommand: x\nmatrix: {n: [1, 2, 1]}\n' | refused 'b.yaml, line 3: matrix.n[3]: the value 1 stands there twice; once is right'
    good 'include:' '  - {n: 3}' '  - {n: 2}' | refused 'b.yaml, line 6: include[2]: the point n=2 m=x is there already; once is right'
    good 'exclude: [{m: x}]' | refused 'b.yaml, line 4: exclude: no point is left'
    good 'exclude: [{k: x}]' | refused 'b.yaml, line 4: exclude[1].k: no parameter is called k' 'did you mean n?'
    good 'include: [n]' | refused 'b.yaml, line 4: include[1]: parameters with one value each are right'
    good 'repeats: 100000' 'warmups: 1000' |
        refused 'b.yaml, line 3: matrix: more than 200000 points are more than one battery runs (n 2, 100000 repeats, 1000 warm-ups)'
    { echo 'name: b'; echo 'command: x'; echo 'matrix:'; for n in {a..z}; do echo "  $n: [1, 2, 3, 4, 5, 6, 7, 8, 9]"; done; } >huge.yaml
    run plan -c huge.yaml
    [ "$status" = 2 ]
    [[ $output == "inferstep: error: huge.yaml, line 4: matrix: more than 200000 points are more than one battery runs (a 9 x b 9"* ]]
    # Nobody is there to be asked; a word before says what the answer is.
    good 'repeats: 6000' | refused 'battery b has 12000 points (n 2, 6000 repeats), and nobody can be asked whether all are meant' '--yes says so'
    plan -c b.yaml --yes | grep -x 'points      12000: n 2, 6000 repeats'
}

@test "metrics that find nothing" {
    good 'metrics: [{name: a, regex: "([0-9]+"}]' >b.yaml
    run plan -c b.yaml
    [ "$status" = 2 ]
    [[ ${lines[0]} == "inferstep: error: b.yaml, line 4: metrics[1]"*"'([0-9]+' is no regular expression"* ]]
    for groups in '[0-9]+' '([0-9]+) ([0-9]+)'; do
        good "metrics: [{name: a, regex: '$groups'}]" >b.yaml
        run plan -c b.yaml
        [ "$status" = 2 ]
        [[ ${lines[0]} == "inferstep: error: b.yaml, line 4: metrics[1]"*"'$groups' has "[02]" groups"* ]]
    done
    good 'metrics: [{name: a}]' | refused 'b.yaml, line 4: metrics[1]: one of regex, csv (with column) and json (with member) is right'
    good 'metrics: [{name: a, csv: x.csv}]' | refused 'b.yaml, line 4: metrics[1]: csv needs column'
    good 'metrics: [{name: a, csv: x.csv, column: b, file: y}]' | refused 'b.yaml, line 4: metrics[1].file: file does not go with csv'
    good 'metrics: [{name: a, regex: (x), reduce: median}]' | refused 'b.yaml, line 4: metrics[1].reduce: one of first, last, min, max, mean, sum is right' 'did you mean mean?'
    good 'metrics: [{name: a, regex: (x)}, {name: a, regex: (y)}]' | refused 'b.yaml, line 4: metrics[2]: there is a metric a already; another name is right'
    for file in ../x /etc/passwd a/../../b; do
        good "metrics: [{name: a, json: $file, member: b}]" >b.yaml
        run plan -c b.yaml
        [ "$status" = 2 ]
        [[ ${lines[0]} == "inferstep: error: b.yaml, line 4: metrics[1]"*"$file"* ]]
    done
}

@test "what the report is told must be there" {
    good 'report: {series: [k]}' | refused 'b.yaml, line 4: report: no parameter is called k' 'did you mean n?'
    good 'report: {x: node}' | refused 'b.yaml, line 4: report.x: no parameter is called node' 'did you mean nodes?'
    good 'report: {baseline: {mm: x}}' | refused 'b.yaml, line 4: report.baseline.mm: no parameter is called mm' 'did you mean m?'
}

@test "command lines" {
    good >b.yaml
    for words in "--set=x" "--set=repeats=no" "--repeats=0" "--where=there" "--order=up" "--json --yes" "--time-limit=never"; do
        # shellcheck disable=SC2086  # words
        run inferstep sweep -c b.yaml $words
        [ "$status" = 2 ]
        [[ $output == "inferstep: error: ${words%% *}"* || $output == "inferstep: error: --set x"* || $output == "inferstep: error: --set repeats=no"* || $output == "inferstep: error: --where: 'there'"* ]]
    done
    run inferstep sweep
    [ "$status" = 2 ]
    [ "${lines[0]}" = "inferstep: error: no battery is named" ]
    run inferstep sweep -c b.yaml --retry-failed
    [ "$status" = 2 ]
    [ ! -e results ]
}
