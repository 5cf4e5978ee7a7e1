# After db_prelude.py in the tasks of a step: the database's process, and our client library through its C interface.
import ctypes
import signal


class Tensor(ctypes.Structure):
    _fields_ = [("key", ctypes.c_char_p), ("type", ctypes.c_int), ("rank", ctypes.c_int),
                ("shape", ctypes.POINTER(ctypes.c_int64)), ("data", ctypes.c_void_p)]


class Inferclient:
    """inferclient(3); every call returns "" or the sentence about what went wrong."""

    def __init__(self, timeout_ms=0):
        self.lib = ctypes.CDLL(os.environ["BUILD"] + "/lib/libinferclient.so")
        self.lib.inferclient_error.restype = ctypes.c_char_p
        self.client = ctypes.c_void_p()
        same(self.said(self.lib.inferclient_connect(ctypes.byref(self.client), None, timeout_ms)), "")

    def said(self, code):
        return self.lib.inferclient_error(self.client).decode() if code else ""

    def put(self, key, values):
        shape = (ctypes.c_int64 * 1)(len(values))
        data = (ctypes.c_float * len(values))(*values)
        tensor = Tensor(key.encode(), 0, 1, shape, ctypes.cast(data, ctypes.c_void_p))
        return self.said(self.lib.inferclient_put_tensor(self.client, ctypes.byref(tensor)))

    def get(self, key, count):
        data = (ctypes.c_float * count)()
        problem = self.said(self.lib.inferclient_get_tensor(self.client, key.encode(), 0, data, ctypes.c_size_t(4 * count)))
        return problem or list(data)

    def run(self, model, source, result, timeout_ms=0):
        return self.said(self.lib.inferclient_run_model(
            self.client, model.encode(), (ctypes.c_char_p * 1)(source.encode()), 1,
            (ctypes.c_char_p * 1)(result.encode()), 1, timeout_ms))


def server_pid(client=None):
    return int((client or db)("INFO", "server").decode().split("process_id:")[1].split()[0])


def kill_server(pid):
    os.kill(pid, signal.SIGKILL)


def connect_again(dead):
    """A connection to the database that was started again after the one with the pid `dead`."""
    deadline = time.monotonic() + 60
    while True:
        try:
            client = connect()
            if server_pid(client) != dead:
                return client
        except ConnectionError:
            pass
        assert time.monotonic() < deadline, "the database did not come back"
        time.sleep(0.01)
