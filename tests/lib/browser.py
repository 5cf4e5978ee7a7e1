#!/usr/bin/env python3
"""Looks at a report's page in a real browser: Chromium without a screen, over the DevTools protocol.

Usage: tests/lib/browser.py INDEX.html FOLDER

Checks, and prints a line for each that holds: no script error, nothing asked of a network, the tables sort by a click and by the
keyboard, no width overflows on a screen, a phone or paper, every link leads to something that exists. Leaves screenshots and a
PDF in FOLDER. Exit code 77: Chromium cannot be started here.
"""
import base64
import json
import os
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request

DEADLINE = 60  # seconds for anything that the browser does


class Browser:
    def __init__(self):
        self.profile = tempfile.mkdtemp(prefix="inferstep-browser-")
        self.log = open(f"{self.profile}/log", "wb")
        command = ["chromium", "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
                   "--disable-extensions", "--disable-background-networking", "--remote-debugging-port=0",
                   f"--user-data-dir={self.profile}", "about:blank"]
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, start_new_session=True)
        self.events, self.number, self.buffer = [], 0, b""

    def connect(self):
        until = time.monotonic() + DEADLINE
        while not os.path.exists(f"{self.profile}/DevToolsActivePort") or not self._port():
            if self.process.poll() is not None or time.monotonic() > until:
                return False
            time.sleep(0.05)
        port = self._port()
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/json", timeout=DEADLINE) as answer:
            page = next(t for t in json.load(answer) if t["type"] == "page")
        path = page["webSocketDebuggerUrl"].split(f":{port}", 1)[1]
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=DEADLINE)
        self.socket.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n".encode())
        while b"\r\n\r\n" not in self.buffer:
            self.buffer += self.socket.recv(4096)
        self.buffer = self.buffer.split(b"\r\n\r\n", 1)[1]
        return True

    def _port(self):
        with open(f"{self.profile}/DevToolsActivePort", encoding="ascii") as file:
            return int(file.readline() or 0)

    def close(self):
        try:
            os.killpg(self.process.pid, 15)
            self.process.wait(20)
        except (ProcessLookupError, subprocess.TimeoutExpired):
            self.process.kill()
            self.process.wait()
        self.log.close()
        shutil.rmtree(self.profile, ignore_errors=True)

    def _read(self, count):
        while len(self.buffer) < count:
            got = self.socket.recv(1 << 20)
            if not got:
                raise EOFError("the browser closed the connection")
            self.buffer += got
        data, self.buffer = self.buffer[:count], self.buffer[count:]
        return data

    def _receive(self):
        message = b""
        while True:
            first, second = self._read(2)
            length = second & 127
            if length == 126:
                length = struct.unpack(">H", self._read(2))[0]
            elif length == 127:
                length = struct.unpack(">Q", self._read(8))[0]
            message += self._read(length)
            if first & 128:
                return json.loads(message)

    def call(self, method, **params):
        self.number += 1
        body = json.dumps({"id": self.number, "method": method, "params": params}).encode()
        size = len(body)
        head = bytes([0x80 | size]) if size < 126 else (bytes([0x80 | 126]) + struct.pack(">H", size) if size < 65536
                                                         else bytes([0x80 | 127]) + struct.pack(">Q", size))
        self.socket.sendall(b"\x81" + head + b"\0\0\0\0" + body)
        while True:
            message = self._receive()
            if message.get("id") == self.number:
                if "error" in message:
                    raise RuntimeError(f"{method}: {message['error']}")
                return message["result"]
            self.events.append(message)

    def wait_for(self, event):
        until = time.monotonic() + DEADLINE
        while not any(e.get("method") == event for e in self.events):
            if time.monotonic() > until:
                raise TimeoutError(f"no {event} within {DEADLINE} s")
            self.events.append(self._receive())

    def value(self, expression):
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        if "exceptionDetails" in answer:
            raise RuntimeError(f"{expression}: {answer['exceptionDetails']}")
        return answer["result"].get("value")

    def open(self, path, width):
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=width < 600)
        self.events.clear()
        self.call("Page.navigate", url="file://" + urllib.parse.quote(os.path.abspath(path)))
        self.wait_for("Page.loadEventFired")

    def screenshot(self, path):
        size = self.call("Page.getLayoutMetrics")["cssContentSize"]
        clip = {"x": 0, "y": 0, "width": size["width"], "height": min(size["height"], 12000), "scale": 1}
        with open(path, "wb") as file:
            file.write(base64.b64decode(self.call("Page.captureScreenshot", captureBeyondViewport=True, clip=clip)["data"]))


def complaints(browser):
    """Script errors, messages on the console, and requests for anything but the page"""
    bad = []
    for event in browser.events:
        method, params = event.get("method"), event.get("params", {})
        if method in ("Runtime.exceptionThrown", "Runtime.consoleAPICalled", "Log.entryAdded"):
            bad.append(f"{method}: {json.dumps(params)[:300]}")
        if method == "Network.requestWillBeSent" and not params["request"]["url"].startswith("file://"):
            bad.append(f"asked for {params['request']['url'][:200]}")
        if method == "Page.javascriptDialogOpening":
            bad.append("opened a dialog")
    return bad


# Sorts every table by every column, upwards and downwards, and tells what is not in order.
SORT = """(function () {
  var bad = [], sorted = 0;
  function value(row, i) {
    var v = row.cells[i].getAttribute('data-v');
    return v === null ? row.cells[i].textContent.trim() : v === '' ? null : Number(v);
  }
  document.querySelectorAll('details').forEach(function (d) { d.open = true; });
  document.querySelectorAll('table.sortable').forEach(function (table) {
    Array.from(table.tHead.rows[0].cells).forEach(function (th, i) {
      [1, -1].forEach(function (direction) {
        th.querySelector('button').click();
        var where = table.id + ' column ' + th.textContent + (direction > 0 ? ' up' : ' down');
        if (th.getAttribute('aria-sort') !== (direction > 0 ? 'ascending' : 'descending')) { bad.push(where + ': aria-sort'); }
        var keys = Array.from(table.tBodies[0].rows).map(function (row) { return value(row, i); });
        keys.forEach(function (key, k) {
          var before = keys[k - 1];
          if (k === 0 || key === null) { return; }
          if (before === null) { bad.push(where + ': a missing value is not last'); return; }
          var order = typeof key === 'number' ? before - key : before.localeCompare(key, undefined, {numeric: true});
          if (direction * order > 0) { bad.push(where + ': ' + before + ' before ' + key); }
        });
        sorted += 1;
      });
    });
  });
  return JSON.stringify([sorted, bad.slice(0, 5)]);
})()"""

LINKS = """JSON.stringify(Array.from(document.querySelectorAll('a')).map(function (a) { return a.getAttribute('href'); }))"""


def check(name, holds, why=""):
    print(("ok " if holds else "FAILED ") + name + (f": {why}" if not holds else ""))
    return holds


def check_links(browser, path):
    missing = set()
    for href in json.loads(browser.value(LINKS)):
        if href.startswith("#"):
            if not browser.value(f"document.getElementById({json.dumps(href[1:])}) !== null"):
                missing.add(href)
        elif not os.path.exists(os.path.join(os.path.dirname(os.path.abspath(path)), urllib.parse.unquote(href))):
            missing.add(href)
    return check("every link leads to something", not missing, sorted(missing)[:5])


def check_keyboard(browser):
    browser.value("document.querySelector('table.sortable th button').focus()")
    for kind in ("keyDown", "keyUp"):
        browser.call("Input.dispatchKeyEvent", type=kind, key="Enter", code="Enter", windowsVirtualKeyCode=13, text="\r")
    return check("Enter on a column's head sorts",
                 browser.value("document.querySelector('table.sortable th').getAttribute('aria-sort')") == "ascending")


def check_stable(browser):
    """By the second column and then by the first: within one series the second stays in order"""
    browser.value("document.querySelectorAll('#scaling-table th button')[1].click();"
                  "document.querySelectorAll('#scaling-table th button')[0].click()")
    rows = json.loads(browser.value("JSON.stringify(Array.from(document.querySelectorAll('#scaling-table tbody tr')).map("
                                    "r => [r.cells[0].textContent, Number(r.cells[1].dataset.v)]))"))
    series = list(dict.fromkeys(r[0] for r in rows))
    return check("sorting is stable", rows == sorted(rows, key=lambda r: (series.index(r[0]), r[1])), rows)


def look(browser, path, folder):
    good = True
    for method in ("Page.enable", "Runtime.enable", "Log.enable", "Network.enable"):
        browser.call(method)
    for width in (390, 1280):
        browser.open(path, width)
        wide = browser.value("document.documentElement.scrollWidth")
        good &= check(f"nothing is wider than a window of {width} pixels", wide <= width, wide)
        browser.screenshot(f"{folder}/page-{width}.png")
        good &= check(f"no error and no request, {width} pixels", not complaints(browser), complaints(browser))
    good &= check("it has a table", browser.value("document.querySelectorAll('table.sortable').length") > 0)
    if browser.value("document.getElementById('scaling-table') !== null"):
        good &= check_stable(browser)
    good &= check_links(browser, path)
    browser.open(path, 1280)
    count, bad = json.loads(browser.value(SORT))
    good &= check("every column sorts both ways", count > 0 and not bad, bad)
    browser.open(path, 1280)
    good &= check_keyboard(browser)
    pdf = base64.b64decode(browser.call("Page.printToPDF", printBackground=True)["data"])
    with open(f"{folder}/page.pdf", "wb") as file:
        file.write(pdf)
    good &= check("it prints", pdf.startswith(b"%PDF") and len(pdf) > 10000)
    browser.call("Emulation.setEmulatedMedia", media="print")
    browser.call("Emulation.setDeviceMetricsOverride", width=703, height=1000, deviceScaleFactor=1, mobile=False)  # A4, margins off
    wide = browser.value("document.documentElement.scrollWidth")
    good &= check("nothing is wider than paper", wide <= 703, wide)
    good &= check("no error in the end", not complaints(browser), complaints(browser))
    return good


def main(path, folder):
    try:
        browser = Browser()
    except FileNotFoundError:
        print("chromium is not installed")
        return 77
    try:
        if not browser.connect():
            with open(f"{browser.profile}/log", encoding="utf-8", errors="replace") as log:
                print("chromium cannot be started here:", " ".join(log.read().split())[-300:])
            return 77
        return 0 if look(browser, path, folder) else 1
    finally:
        browser.close()


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
