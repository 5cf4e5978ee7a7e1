# shellcheck shell=bash
# Tasks of a test's step that are Python with lib/db_prelude.py, and C through ctypes with the client library.
#
#   load ../lib/task
#   py_task NAME <<'PY' … PY       # writes the program NAME; run it as: sh NAME

py_task() {
    {
        printf 'exec env DB_SOCKET="${SSDB#unix://}" DB_DIR=%q PYTHONPATH=%q PYTHONDONTWRITEBYTECODE=1 timeout -k 5 100 python3 - <<"END_OF_TASK"\n' \
            "$PWD" "$INFERSTEP_TOP/tests/lib"
        cat "$INFERSTEP_TOP/tests/lib/db_prelude.py" "$INFERSTEP_TOP/tests/lib/task_prelude.py" -
        echo END_OF_TASK
    } >"$1"
}
